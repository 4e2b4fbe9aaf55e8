"""Where records are kept: the store, one file a concern."""
