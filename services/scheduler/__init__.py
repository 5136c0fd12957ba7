"""The scheduler: decides from the log what runs next and where, and when a run is over."""
