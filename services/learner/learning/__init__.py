"""What the log teaches, as formulas: numbers in, numbers out. They know no clock, no event and no database."""
