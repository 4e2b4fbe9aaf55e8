"""Ways to read an answer. A kind is a module, its name in `DecoderName`, and its line in `KINDS`."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, cast, get_args

from syncrun.decoders.base import Decoder, UndecodableError
from syncrun.decoders.unpacking import unpack
from syncrun.decoders.weight import MOST_TIMES, is_too_heavy
from syncrun.errors import ResponseError
from syncrun.http.messages import Response
from syncrun.http.redact import Redactor
from syncrun.wording import size
from syncrun.yaml_models import Kinds

DecoderName = Literal["json", "jsonl", "csv", "xml", "text"]

KINDS = Kinds(
    __name__,
    {
        "json": "json_document.JsonDecoder",
        "jsonl": "json_lines.JsonLinesDecoder",
        "csv": "csv_table.CsvDecoder",
        "xml": "xml_document.XmlDecoder",
        "text": "plain_text.TextDecoder",
    },
    bare=get_args(DecoderName),
)

AnyDecoder = Annotated[Decoder, KINDS]
"""The `decode` key of YAML: a mapping with `type`, or the bare name of a kind."""


@cache
def plain(name: DecoderName) -> Decoder:
    """Return the one decoder that the bare name of a kind stands for."""
    decoder: Any = KINDS.model(name)
    return cast("Decoder", decoder.model_construct(type=name))


def decode(decoder: DecoderName | Decoder, response: Response, redactor: Redactor) -> Any:
    """Return the body of *response*, None when it has none (R21); what is packed is unpacked first.

    The same decoder reads the same answer once. Raise ResponseError, with the redacted URL and the start of
    the content, when it is not what *decoder* reads, or unpacks to more than its `max_bytes` (R25).
    """
    kind = plain(decoder) if isinstance(decoder, str) else decoder
    known = response.memo.get("body")
    if known is not None and known[0] is kind:
        return known[1]
    try:
        body = _read(kind, response)
    except UndecodableError as error:
        place = redactor.exchange(response.request.method, response.url)
        start = f"; it starts with {redactor.excerpt(error.content)!r}" if error.content else ""
        raise ResponseError(f"{place}: the answer {error}{start}", hint=error.hint) from None
    except Exception as error:  # noqa: BLE001 - no answer is a defect, whatever a library trips over
        place = redactor.exchange(response.request.method, response.url)
        reason = "not enough memory" if isinstance(error, MemoryError) else type(error).__name__
        raise ResponseError(f"{place}: the answer cannot be read: {reason}") from None
    response.memo["body"] = (kind, body)
    return body


def _read(kind: Decoder, response: Response) -> Any:
    max_bytes = response.max_bytes
    content_type = response.headers.get("content-type")
    parts = [part for part in unpack(response.content, kind.member, max_bytes) if part and not part.isspace()]
    if any(is_too_heavy(part, kind.weights, max_bytes) for part in parts):
        raise UndecodableError(
            f"has so many values that they could take more than {size(max_bytes * MOST_TIMES)} of memory",
            hint="ask for smaller pages",
        )
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


__all__ = ["KINDS", "AnyDecoder", "Decoder", "DecoderName", "decode", "plain"]
