"""Programs that feed hostile input for as long as they are let; `make fuzz` runs them. No test imports them."""
