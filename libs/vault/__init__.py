"""What operators keep for repositories, in buckets of keys and values: environments, variables, secrets."""
