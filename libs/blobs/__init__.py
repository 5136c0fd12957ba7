"""Content-addressed bytes over one port: a folder on one host, S3-compatible storage on many, memory in tests."""
