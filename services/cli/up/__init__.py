"""One machine: NATS and one child process a service, watched, restarted, and ended in order."""
