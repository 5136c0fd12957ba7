"""Messages of the log become facts: pure, one event at a time."""
