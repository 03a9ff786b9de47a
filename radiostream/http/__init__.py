"""Who hears it: the HTTP server and everything it answers."""
