"""A job's log, from the bytes of a command to numbered, masked lines in the stream and in one compressed blob."""
