"""One file a group of endpoints; none imports another, but streams -> listener -> icy."""
