"""How much memory the values of an answer would take at most, counted before they are made (R25).

Two bytes of text can be an empty object of sixty-four: an answer within its size may still be too much.
"""

from __future__ import annotations

from collections.abc import Mapping

LIGHT = 1 << 23  # what small answers come to is bounded by their size
MOST_TIMES = 8  # as much as the largest answer that is allowed may take, for each of its bytes

Weights = Mapping[bytes, int]
"""Bytes of memory for each occurrence of a character."""

JSON_WEIGHTS: Weights = {b"{": 180, b"[": 90, b",": 40}
CSV_WEIGHTS: Weights = {b"\n": 260, b",": 60, b";": 60, b"\t": 60, b"|": 60}
XML_WEIGHTS: Weights = {b"<": 130, b"=": 130}


def is_too_heavy(content: bytes, weights: Weights, max_bytes: int) -> bool:
    """Return whether the values in *content* could take more than eight times *max_bytes*."""
    if len(content) < LIGHT:
        return False
    return sum(content.count(mark) * weight for mark, weight in weights.items()) > max_bytes * MOST_TIMES
