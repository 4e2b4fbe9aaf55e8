"""The body is the text itself; expressions see it as one string.

decode: text
"""

from __future__ import annotations

from syncrun.decoders.base import charset


def decode(content: bytes, content_type: str | None) -> str:
    """Return the text; bytes that are none in its charset become U+FFFD."""
    return content.decode(charset(content, content_type), "replace")
