"""The driver `fcctl`: microVMs of a remote management API, which runs commands but carries no stream."""
