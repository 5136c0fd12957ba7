"""Whole workflows, run from the file to the verdict: a case is a repository's files, an event, and what has to come."""
