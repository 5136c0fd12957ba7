"""The sample repository of `firebreak demo`, and the push that GitHub would send for it."""
