"""syncrun keeps a local, queryable copy of the data behind any HTTP API."""

from __future__ import annotations

__version__ = "0.1.0"
