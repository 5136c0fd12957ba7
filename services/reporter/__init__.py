"""Tells GitHub how runs stand: a commit status a job, one comment a pull request."""
