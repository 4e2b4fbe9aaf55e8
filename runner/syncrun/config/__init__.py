"""Files that people write: read with places, judged all at once, turned into models."""
