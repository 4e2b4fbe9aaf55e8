"""Ways to read an answer. A new one is a module of its own, its name, and its line in `decoders`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from syncrun.decoders import json_document, json_lines, plain_text
from syncrun.decoders.base import Decode, UndecodableError
from syncrun.errors import ResponseError
from syncrun.http.messages import Response
from syncrun.http.redact import Redactor

DecoderName = Literal["json", "jsonl", "text"]

decoders: Mapping[DecoderName, Decode] = {
    "json": json_document.decode,
    "jsonl": json_lines.decode,
    "text": plain_text.decode,
}


def decode(name: DecoderName, response: Response, redactor: Redactor) -> Any:
    """Return the body of *response*, None when it has none (R21).

    Raise ResponseError, with the redacted URL and the start of the content, when it is not what *name* says.
    """
    content = response.content
    if not content or content.isspace():
        return None
    try:
        return decoders[name](content, response.headers.get("content-type"))
    except UndecodableError as error:
        place = redactor.exchange(response.request.method, response.url)
        start = redactor.excerpt(content)
        raise ResponseError(f"{place}: the answer {error}; it starts with {start!r}") from None
