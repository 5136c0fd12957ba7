"""The learner's DuckDB file and its snapshots."""
