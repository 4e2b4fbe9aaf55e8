"""Whose rows there are: a connection, as it was read by a connector."""

from __future__ import annotations

from msgspec import Struct


class Owner(Struct, frozen=True):
    """A connection and the connector that read it; without a connector, whichever did."""

    connection: str
    connector: str = ""

    def __str__(self) -> str:
        return f"{self.connection} ({self.connector})" if self.connector else self.connection
