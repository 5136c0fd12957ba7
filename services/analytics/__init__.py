"""Answers analysts over HTTP from the published snapshots, read-only, in a process that can touch no file."""
