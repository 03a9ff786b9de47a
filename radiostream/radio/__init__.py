"""Who plays it: clock, ring and station."""
