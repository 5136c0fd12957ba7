"""The driver `bubblewrap`: namespaces of the host's own kernel around one guest agent a sandbox."""
