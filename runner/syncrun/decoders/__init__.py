"""Ways to read an answer. A kind is a module, its name in `DecoderName`, and its line in `decoders`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from syncrun.decoders.base import Decoder, UndecodableError
from syncrun.decoders.csv_table import CsvDecoder
from syncrun.decoders.json_document import JsonDecoder
from syncrun.decoders.json_lines import JsonLinesDecoder
from syncrun.decoders.plain_text import TextDecoder
from syncrun.decoders.unpacking import unpack
from syncrun.decoders.xml_document import XmlDecoder
from syncrun.errors import ResponseError
from syncrun.http.content import GIBIBYTE
from syncrun.http.messages import Response
from syncrun.http.redact import Redactor

DecoderName = Literal["json", "jsonl", "csv", "xml", "text"]

decoders: Mapping[DecoderName, Decoder] = {
    "json": JsonDecoder.model_construct(type="json"),
    "jsonl": JsonLinesDecoder.model_construct(type="jsonl"),
    "csv": CsvDecoder.model_construct(type="csv"),
    "xml": XmlDecoder.model_construct(type="xml"),
    "text": TextDecoder.model_construct(type="text"),
}
"""Every kind by its name, with the options that the bare name stands for.

Nothing here has to be validated, which would make the start of every command slower.
"""

_Kinds = Annotated[
    JsonDecoder | JsonLinesDecoder | CsvDecoder | XmlDecoder | TextDecoder, Field(discriminator="type")
]


def _expand(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


AnyDecoder = Annotated[_Kinds, BeforeValidator(_expand, json_schema_input_type=DecoderName | _Kinds)]
"""The `decode` key of YAML: a mapping with `type`, or the bare name of a kind."""


def decode(
    decoder: DecoderName | Decoder, response: Response, redactor: Redactor, *, max_bytes: int = GIBIBYTE
) -> Any:
    """Return the body of *response*, None when it has none (R21); what is packed is unpacked first.

    The same decoder reads the same answer once. Raise ResponseError, with the redacted URL and the start of
    the content, when it is not what *decoder* reads, or unpacks to more than *max_bytes* (R25).
    """
    kind = decoders[decoder] if isinstance(decoder, str) else decoder
    known = response.memo.get("body")
    if known is not None and known[0] is kind:
        return known[1]
    try:
        body = _read(kind, response, max_bytes)
    except UndecodableError as error:
        place = redactor.exchange(response.request.method, response.url)
        start = f"; it starts with {redactor.excerpt(error.content)!r}" if error.content else ""
        raise ResponseError(f"{place}: the answer {error}{start}", hint=error.hint) from None
    response.memo["body"] = (kind, body)
    return body


def _read(kind: Decoder, response: Response, max_bytes: int) -> Any:
    content_type = response.headers.get("content-type")
    parts = [part for part in unpack(response.content, kind.member, max_bytes) if part and not part.isspace()]
    bodies = [_read_part(kind, part, content_type) for part in parts]
    if len(bodies) <= 1:
        return bodies[0] if bodies else None
    if not all(isinstance(body, list) for body in bodies):
        raise UndecodableError("is an archive of several files that are no lists")
    return [record for body in bodies for record in body]


def _read_part(kind: Decoder, part: bytes, content_type: str | None) -> Any:
    try:
        return kind.read(part, content_type)
    except UndecodableError as error:
        error.content = part
        raise


__all__ = ["AnyDecoder", "Decoder", "DecoderName", "decode", "decoders"]
