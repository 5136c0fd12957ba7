"""A network of its own for each machine: a namespace, a link into it, and what may pass."""
