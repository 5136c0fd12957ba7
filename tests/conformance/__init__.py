"""What GitHub documents, shown case by case; docs/workflow-language.md is the table of it."""
