"""Where a job runs: one protocol, a driver per kind of isolation. It knows nothing of workflows, steps or events."""
