"""Runs as people see them, folded from the log: for the command line, the console and the reporter. Decides nothing.

A view skips what it does not know and counts it: an older reader shows less, it never stops.
"""
