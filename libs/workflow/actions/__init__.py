"""Actions: what `uses:` of a step names, and `action.yml` as frozen values. Nothing is fetched or run here."""
