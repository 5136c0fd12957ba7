"""`firebreak run`: the same parser, scheduler and agent as everywhere, in one process on the in-memory bus."""
