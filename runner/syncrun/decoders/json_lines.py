"""One JSON value a line; the body is the list of them.

decode: jsonl
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from syncrun.decoders.base import Decoder, UndecodableError, as_utf8, named
from syncrun.decoders.json_text import JsonError, holds_big_integer, parse
from syncrun.decoders.weight import JSON_WEIGHTS, Weights


class JsonLinesDecoder(Decoder):
    """JSON values, one a line."""

    weights: ClassVar[Weights] = JSON_WEIGHTS
    type: Literal["jsonl"]

    def read(self, content: bytes, content_type: str | None) -> list[Any]:
        """Return the values in order; blank lines are skipped."""
        content = as_utf8(content, content_type)
        exact = holds_big_integer(content)
        values = []
        for number, line in enumerate(content.split(b"\n"), 1):
            if not line or line.isspace():
                continue
            try:
                values.append(parse(line, exact=exact))
            except JsonError as error:
                raise UndecodableError(
                    f"is no JSON lines ({named(content_type)}): line {number}: {error}"
                ) from None
        return values
