"""Which event starts which workflow, at which commit: tables written from GitHub's documentation."""
