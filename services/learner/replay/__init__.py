"""Makes the learner's file from the log again: from the archive, which is quick, and then from the streams."""
