"""GitHub's side: signatures, payloads, git repositories, the REST API."""
