"""Problem matchers at work: in a process of its own, because a workflow brings patterns that may never end."""
