"""Fetching: from a sync's request to pages of records, and whether the enumeration was complete."""
