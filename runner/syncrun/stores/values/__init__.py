"""What travels between a store and those who use it, one file a subject."""
