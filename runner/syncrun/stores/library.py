"""DuckDB's compiled module. The Python package around it takes longer to import than a file to open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
else:
    try:
        import _duckdb as duckdb
    except ImportError:  # a version that keeps it elsewhere
        import duckdb

__all__ = ["duckdb"]
