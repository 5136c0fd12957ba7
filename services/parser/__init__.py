"""From a delivery to plans: what an event means for a repository's workflows, at that event's commit."""
