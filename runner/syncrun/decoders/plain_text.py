"""The body is the text itself; expressions see it as one string.

decode: text
decode: {type: text, encoding: iso-8859-1}
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from syncrun.decoders.base import Decoder, Encoding, charset


class TextDecoder(Decoder):
    """Text as it is."""

    type: Literal["text"]
    encoding: Encoding | None = Field(None, description="When neither the answer nor its start tells it.")

    def read(self, content: bytes, content_type: str | None) -> str:
        """Return the text; bytes that are none in its charset become U+FFFD."""
        return content.decode(charset(content, content_type, self.encoding), "replace")
