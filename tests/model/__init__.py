"""A real model behind the service's own asking: `make test-model`, and no part of `make test`."""
