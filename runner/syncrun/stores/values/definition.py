"""A connector as it was deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Definition:
    """A version of a connector as it was deployed: *files* are texts by name, *name* is its own file.

    *connector* is what connections call it, *digest* tells its content from any other. *at* is when it was
    deployed.
    """

    connector: str
    version: str
    digest: str
    name: str
    files: Mapping[str, str] = field(repr=False)
    at: datetime | None = None
