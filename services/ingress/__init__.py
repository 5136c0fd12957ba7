"""The door: verifies a webhook, stores it, answers. It does not look into a payload."""
