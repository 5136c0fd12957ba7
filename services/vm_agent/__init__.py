"""The agent of one host: takes jobs, runs their steps in sandboxes, says what happened."""
