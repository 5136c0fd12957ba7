"""What `firebreak doctor` tries, a room each for what is looked at."""
