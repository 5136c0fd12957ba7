"""What readers of the published snapshots share: the learner writes them, analysts ask them."""
