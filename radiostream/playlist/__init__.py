"""What there is to play, and in which order."""
