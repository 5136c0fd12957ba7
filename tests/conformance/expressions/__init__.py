"""The expression language case by case, as data: one table a topic."""
