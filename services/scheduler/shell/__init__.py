"""The scheduler's adapters: reading, deciding in turn, appending, and doing what stored events ask for."""
