"""A container engine for tests: a real program with podman's command line, without containers."""
