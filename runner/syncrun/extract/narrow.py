"""When a page need not be decoded as a whole: nothing but its records' mapped members is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncrun.decoders.narrow import NarrowReader, can_read
from syncrun.expressions.layout import Layout, layout_of, plain_path
from syncrun.http.messages import Response
from syncrun.paginators.base import Pagination


class Narrow:
    """Reads pages by *layout*, what the mapping reads of a record; None: it needs all of them.

    *reads* are expressions that something else evaluates on bodies.
    """

    def __init__(self, layout: Layout | None, reads: Sequence[str] = ()) -> None:
        self._layout = layout if layout is not None and can_read(layout) else None
        self._reads = reads
        self._reader: NarrowReader | None = None

    def read(
        self, response: Response, records: str | None, pagination: Pagination | None
    ) -> tuple[Any, Sequence[Any]] | None:
        """Return the body of *response*, which lacks its records, and these; None when it has to be decoded.

        *records* says where they are; it and *pagination* are None until an answer has shown them.
        """
        if self._layout is None or records is None or pagination is None:
            return None
        if self._reader is None:
            self._reader = self._reader_for(self._layout, records, pagination)
        if self._reader is None or not self._reader.fits:
            self._layout = None
            return None
        if "body" in response.memo:  # it was decoded for a rule about errors
            return None
        return self._reader.read(response.content, response.headers.get("content-type"), response.max_bytes)

    def _reader_for(self, layout: Layout, records: str, pagination: Pagination) -> NarrowReader | None:
        place = plain_path(records)
        if place is None or pagination.reads is None or pagination.stop_when is not None:
            return None
        reads = [expression for expression in (*pagination.reads, *self._reads) if expression is not None]
        if any(_reaches(expression, place) for expression in reads):
            return None
        return NarrowReader(layout, place)


def _reaches(expression: str, place: Sequence[str]) -> bool:
    layout = layout_of([expression])
    return layout is None or layout.reaches(place)
