"""`radiostream check DIR…`: what the server would make of a directory, told before it is on the air.

It has no rules of its own: files are listed, opened and sorted by the server's code. A process of its own, one thread.
"""
