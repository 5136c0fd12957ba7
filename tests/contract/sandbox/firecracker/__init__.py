"""The driver `firecracker`: against the real program with a stub of a kernel, and against a server with its rules."""
