"""One JSON document, whatever its content type says.

decode: json        # the default
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from syncrun.decoders.base import Decoder, UndecodableError, as_utf8, named
from syncrun.decoders.json_text import JsonError, holds_big_integer, parse
from syncrun.decoders.weight import JSON_WEIGHTS, Weights


class JsonDecoder(Decoder):
    """A JSON document."""

    weights: ClassVar[Weights] = JSON_WEIGHTS
    type: Literal["json"]

    def read(self, content: bytes, content_type: str | None) -> Any:
        """Return the document."""
        content = as_utf8(content, content_type)
        try:
            return parse(content, exact=holds_big_integer(content))
        except JsonError as error:
            # The parser's words help with broken JSON; of a page of HTML they say nothing.
            reason = f": {error}" if content.lstrip()[:1] in (b"{", b"[") else ""
            raise UndecodableError(f"is no JSON ({named(content_type)}){reason}") from None
