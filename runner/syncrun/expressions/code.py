"""Generated Python, compiled once: the syncs of many connections to one API are the same code."""

from __future__ import annotations

from functools import lru_cache
from types import CodeType


@lru_cache(maxsize=512)
def compiled(source: str, name: str) -> CodeType:
    """Return the code of the module text *source*, which tracebacks call *name*."""
    return compile(source, name, "exec")
