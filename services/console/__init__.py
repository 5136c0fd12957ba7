"""The web page: what ran, what runs and why, with live logs, from a projection of its own."""
