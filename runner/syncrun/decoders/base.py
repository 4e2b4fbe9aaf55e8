"""What every decoder is: a model of its options that reads the bytes of an answer as a body.

A kind subclasses `Decoder` in a module of its own and is registered in `decoders/__init__.py`.
"""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from syncrun.decoders.weight import Weights
from syncrun.yaml_models import YamlModel

_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"})
# Python's own ways to write text, some of which take time without bound.


class UndecodableError(ValueError):
    """The content is not what the decoder reads; the message goes on after "the answer".

    *content* is what its start is shown of; empty when that tells people nothing.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.content = b""
        self.hint = hint


class Decoder(YamlModel):
    """A way to read answers, and the options common to all of them; *weights* bound what it makes of them.

    What a *sparse* one reads has no empty lists: members without a value are left out.
    """

    sparse: ClassVar[bool] = False

    weights: ClassVar[Weights] = {}
    member: str | None = Field(
        None,
        min_length=1,
        description="Which files of a zip archive to read, such as '*.csv'; absent: the only one.",
    )

    def read(self, content: bytes, content_type: str | None) -> Any:
        """Return the body in *content*, which is not blank; raise UndecodableError."""
        raise NotImplementedError


def _check_encoding(name: str) -> str:
    if _codec(name) is None:
        raise ValueError(f"{name!r} is no known encoding; write utf-8, iso-8859-1, windows-1252 or the like")
    return name


Encoding = Annotated[str, AfterValidator(_check_encoding)]
"""The name of a character encoding in YAML."""


def charset(content: bytes, content_type: str | None, declared: str | None = None) -> str:
    """Return the codec of *content*: its byte order mark, else what is declared, else UTF-8.

    *declared* wins over what *content_type* says.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    if declared is None and content_type and "charset" in content_type.lower():
        found = _CHARSET.search(content_type)
        declared = found[1] if found else None
    name = (_codec(declared) if declared else None) or "utf-8"
    return "utf-8" if name == "ascii" else name


def as_utf8(content: bytes, content_type: str | None) -> bytes:
    """Return *content* in UTF-8 without a byte order mark; it is not copied when it is that already."""
    name = charset(content, content_type)
    return content if name == "utf-8" else content.decode(name, "replace").encode("utf-8", "replace")


def named(content_type: str | None) -> str:
    """Return how messages name a Content-Type."""
    kind = (content_type or "").partition(";")[0].strip()
    return f"content type {kind}" if kind else "no content type"


def _codec(name: str) -> str | None:
    """Return Python's name of an encoding; None for what is none, or not one that texts come in."""
    try:
        found = codecs.lookup(name).name
        if found in _NO_CHARSETS:
            return None
        "".encode(found)
        b"a\xff".decode(found, "replace")
    except (LookupError, ValueError):
        return None
    return found
