"""How loud tracks are, and how they are brought to one loudness without decoding a sample."""
