"""A first workflow for a repository that has none: what its files say is carried over, a model fills what is left."""
