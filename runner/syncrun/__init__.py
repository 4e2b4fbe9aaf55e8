"""syncrun keeps a local, queryable copy of the data behind any HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncrun.api import Project as Project
    from syncrun.api import Records as Records
    from syncrun.api import query as query
    from syncrun.api import records as records
    from syncrun.api import run as run

__version__ = "0.1.0"
__all__ = ["Project", "Records", "__version__", "query", "records", "run"]


def __getattr__(name: str) -> Any:
    """Import the Python API when it is asked for: the command starts without it."""
    if name not in __all__:
        raise AttributeError(f"module 'syncrun' has no attribute {name!r}")
    from syncrun import api

    return getattr(api, name)
