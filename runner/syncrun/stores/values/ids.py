"""Whose rows: a sync or a model of one connection."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_CONNECTION = "default"
"""The connection of a connector that is run by its name."""


@dataclass(frozen=True, slots=True)
class SyncId:
    """Whose rows and progress: one sync of one connection. As text it is what `syncrun run` is given."""

    connection: str
    connector: str
    sync: str

    def __str__(self) -> str:
        unnamed = self.connection == DEFAULT_CONNECTION
        return f"{self.connector if unnamed else self.connection}/{self.sync}"

    @property
    def label(self) -> str:
        """What messages about the sync begin with: `github/issues [acme]`."""
        named = "" if self.connection == DEFAULT_CONNECTION else f" [{self.connection}]"
        return f"{self.connector}/{self.sync}{named}"


@dataclass(frozen=True, slots=True)
class ModelId:
    """Whose records of which model; as text it is what `syncrun records` is given."""

    connection: str
    connector: str
    model: str

    def __str__(self) -> str:
        return str(SyncId(self.connection, self.connector, self.model))
