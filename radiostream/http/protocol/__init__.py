"""Bytes and requests: reading, heads, limits, compression, proxies. Knows nothing of stations."""
