"""What every decoder is: a function from the bytes of an answer to the body that expressions see."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Any

Decode = Callable[[bytes, str | None], Any]
"""Takes content that is not blank and its Content-Type; raises UndecodableError."""

_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class UndecodableError(ValueError):
    """The content is not what the decoder reads; the message goes on after "the answer"."""


def charset(content: bytes, content_type: str | None) -> str:
    """Return the codec of *content*: its byte order mark, else what *content_type* declares, else UTF-8."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    declared = _CHARSET.search(content_type) if content_type and "charset" in content_type.lower() else None
    if declared is None:
        return "utf-8"
    try:
        name = codecs.lookup(declared[1]).name
        "".encode(name)  # some codecs are not for text
    except LookupError:
        return "utf-8"
    return "utf-8" if name == "ascii" else name


def as_utf8(content: bytes, content_type: str | None) -> bytes:
    """Return *content* in UTF-8 without a byte order mark; it is not copied when it is that already."""
    name = charset(content, content_type)
    return content if name == "utf-8" else content.decode(name, "replace").encode("utf-8", "replace")


def named(content_type: str | None) -> str:
    """Return how messages name a Content-Type."""
    kind = (content_type or "").partition(";")[0].strip()
    return f"content type {kind}" if kind else "no content type"
