"""Folds deliveries and events into DuckDB, for analysts and for what is learned from them."""
