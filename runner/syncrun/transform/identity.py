"""Which record it is, and whether it has changed: canonical ids (R4) and content hashes (R5).

An id is the JSON list of the key's typed values: `[7]`, `["a","b|c"]`. A record without key is identified by
its content and the occurrence of it: `<hash>#1`.
"""

from __future__ import annotations

import hashlib
from binascii import hexlify
from collections.abc import Sequence
from typing import Any

import msgspec

from syncrun.transform.canonical import EXACT_FLOAT, dump, number_text

_HASH_BYTES = 16
_SMALL = 1e-4  # below it some programs write an exponent


def content_hash(content: bytes | bytearray) -> bytes:
    """Return 32 hex digits for the canonical *content* of a record.

    SHA-256 cut to 128 bits: present in every Python build, and done by the processor on most machines.
    """
    return hexlify(hashlib.sha256(content, usedforsecurity=False).digest()[:_HASH_BYTES])


def key_text(values: Sequence[Any]) -> str:
    """Return the id of a record whose key has *values*, none of them null."""
    return dump([comparable(value) for value in values]).decode()


def comparable(value: Any) -> Any:
    """Return the form of a finite scalar without a declared type in ids and hashes: 7.0 is 7, -0.0 is 0."""
    if value.__class__ is not float:
        return value
    if -EXACT_FLOAT <= value <= EXACT_FLOAT and value.is_integer():
        return int(value)
    # Outside this range programs differ in how they write a number, so it becomes Python's text.
    small = -_SMALL < value < _SMALL
    return msgspec.Raw(number_text(value).encode()) if small or abs(value) >= EXACT_FLOAT else value


class Occurrences:
    """Numbers equal records that have no key, so that two of them stay two.

    Counts are of one run and start at 1; memory grows with the number of *distinct* records. A partition's
    records have ids of their own: what another partition holds never changes them (R9).
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def identify(self, content: bytes, partition: str) -> str:
        """Return the id of the next record with the hash *content* in *partition*."""
        if partition:
            content = content_hash(content + f" {partition}".encode("utf-8", "surrogatepass"))
        base = content.decode()
        count = self._counts.get(base, 0) + 1
        self._counts[base] = count
        return f"{base}#{count}"
