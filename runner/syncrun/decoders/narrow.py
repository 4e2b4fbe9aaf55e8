"""Reads of a page of JSON records only what a layout names: half the work of decoding all of it.

What it reads is what decoding the whole page would give at these places. Where it cannot be sure of that, or
a page is no JSON, it reads nothing, and the decoder has its say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, overload

import msgspec

from syncrun.decoders.base import charset
from syncrun.decoders.json_text import holds_big_integer, parse
from syncrun.decoders.weight import JSON_WEIGHTS, is_too_heavy
from syncrun.expressions.layout import Layout
from syncrun.http.content import MAX_BYTES

_FAILURES = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_UNFIT_NAME = frozenset('"\\').union(map(chr, range(32)))  # msgspec takes no such names of members
_LIST = ord("[")
_ENOUGH = 1000  # records that tell whether the layout fits an API
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_open = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read = msgspec.json.Decoder(Any).decode


class NarrowRecords(Sequence[Any]):
    """The records of a page; a record is decoded as a whole when it is asked for.

    *laid_out* has for each record an object with the attributes of the layout, or None where the record does
    not have its shape.
    """

    def __init__(self, text: msgspec.Raw, laid_out: list[Any]) -> None:
        self._text = text
        self.laid_out = laid_out

    @cached_property
    def _texts(self) -> list[msgspec.Raw]:
        return _split(self._text)

    def __len__(self) -> int:
        return len(self.laid_out)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return list(map(_decode, self._texts[index]))
        return _decode(self._texts[index])

    def __iter__(self) -> Iterator[Any]:
        return map(_decode, self._texts)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, NarrowRecords):
            return self.laid_out == other.laid_out and list(self) == list(other)
        return isinstance(other, list) and len(self) == len(other) and list(self) == other

    __hash__ = None  # type: ignore[assignment]


class NarrowReader:
    """Reads pages whose records are in a list at *place*, the members that lead to it from the body."""

    def __init__(self, layout: Layout, place: Sequence[str]) -> None:
        self._place = place
        self._records, self._record = _decoders(layout)
        self._seen = self._unfit = 0

    @property
    def fits(self) -> bool:
        """Whether most records so far had the shape of the layout."""
        return self._seen < _ENOUGH or self._unfit * 2 < self._seen

    def read(
        self, content: bytes, content_type: str | None, max_bytes: int = MAX_BYTES
    ) -> tuple[Any, NarrowRecords] | None:
        """Return the body without the list, and its records; None when that can't be told from *content*."""
        if content[:1] not in (b"{", b"[") or charset(content, content_type) != "utf-8":
            return None
        if is_too_heavy(content, JSON_WEIGHTS, max_bytes):
            return None
        try:
            body, text = _without(msgspec.Raw(content), self._place)
            if text is None or memoryview(text)[0] != _LIST:
                return None
            records = NarrowRecords(text, self._lay_out(text))
        except _FAILURES:
            return None
        self._seen += len(records)
        return body, records

    def _lay_out(self, text: msgspec.Raw) -> list[Any]:
        try:
            return self._records(text)
        except msgspec.ValidationError:
            return list(map(self._lay_out_one, _split(text)))

    def _lay_out_one(self, text: msgspec.Raw) -> Any:
        try:
            return self._record(text)
        except _FAILURES:
            self._unfit += 1
            return None


@lru_cache(maxsize=512)
def can_read(layout: Layout) -> bool:
    """Whether pages can be read by *layout*."""
    return all(
        _UNFIT_NAME.isdisjoint(name) and (inner is None or can_read(inner)) for name, inner in layout.members
    )


@lru_cache(maxsize=512)
def _decoders(layout: Layout) -> tuple[Callable[[Any], list[Any]], Callable[[Any], Any]]:
    """Return what decodes a list of records, and one."""
    record = _type_of(layout)
    return msgspec.json.Decoder(list[record]).decode, msgspec.json.Decoder(record).decode  # type: ignore[valid-type]


def _type_of(layout: Layout) -> Any:
    attributes = layout.attributes()
    fields = [
        (attributes[name], Any if inner is None else _type_of(inner) | None, None)
        for name, inner in layout.members
    ]
    renamed = {attribute: name for name, attribute in attributes.items()}
    return msgspec.defstruct("Record", fields, rename=renamed, gc=False)


def _without(text: msgspec.Raw, place: Sequence[str]) -> tuple[Any, msgspec.Raw | None]:
    """Return the value of *text* without what is at *place*, and the text that is there."""
    if not place:
        return None, text
    name, *further = place
    members = _open(text)
    inner = members.pop(name, None)
    body = {other: _read(member) for other, member in members.items()}
    if inner is None or not further:
        return body, inner
    body[name], found = _without(inner, further)
    return body, found


def _decode(text: msgspec.Raw) -> Any:
    content = bytes(text)
    return parse(content, exact=holds_big_integer(content))
