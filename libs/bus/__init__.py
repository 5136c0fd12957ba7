"""JetStream behind a small port, with an in-memory twin that passes the same tests."""
