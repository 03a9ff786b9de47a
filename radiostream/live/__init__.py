"""Live sources: a broadcaster's or another server's stream in a bounded buffer, for a station to play."""
