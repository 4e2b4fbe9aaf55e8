"""The cursor values that a read has seen, and up to which of them nothing can have been missed (R13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import gcd
from typing import Any

from syncrun.engine.cursors import horizon, is_time, latest, moment_of, written
from syncrun.extract.fetch import Fetched
from syncrun.transform.watermark import Progress

_ABSURD = timedelta(days=1)
_UNKNOWN = timedelta(days=1)  # how far from their time records may be written whose times nobody has seen
_LATEST = "9999-12-31T00:00:00.000000Z"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read has seen so far; one answer is one moment, several are not.

    *greatest* is the greatest value of all pages, *first* that of the first one. *since* is when the read
    began, in the API's own clock, and *grain* what its times are multiples of, in microseconds. *several*
    tells that there is more than one page, *numbered* that they are numbered, so that a record can slip past
    when others move. *moved* tells why records did move while it was read.
    """

    greatest: Any = None
    first: Any = None
    since: str | None = None
    grain: int = 0
    several: bool = False
    numbered: bool = False
    moved: str = ""

    def with_page(
        self, fetched: Fetched, values: Progress, *, began: datetime, first: bool, numbered: bool
    ) -> Seen:
        """Return what is known after the page *fetched*, whose cursor has *values*.

        *began* is when the read began in our clock, *first* tells that this is its first page, *numbered*
        that the page after it is asked for by its number.
        """
        since = self.since
        if since is None:
            since = written(_in_clock_of(fetched, began))
        grain = gcd(self.grain, values.grain)
        numbered, moved = self.numbered or numbered, self.moved or fetched.drift
        seen = replace(self, since=since, grain=grain, numbered=numbered, moved=moved)
        if first and self.greatest is None:
            return replace(seen, greatest=values.greatest, first=values.greatest)
        # an empty page behind one that had the whole list is no other moment
        several = self.several or self.numbered or bool(fetched.page.records)
        return replace(seen, greatest=latest(self.greatest, values.greatest), several=several)

    def begun(self, fetched: Fetched, began: datetime) -> Seen:
        """Return what is known after *fetched*, which is no page of records but was read before them."""
        return self if self.since is not None else replace(self, since=written(_in_clock_of(fetched, began)))

    @property
    def top(self) -> Any:
        """The greatest value that would be safe if every record was where it was found all the time.

        What changes after the read began gets a time that is not before it.
        """
        limit = self._horizon
        return self.greatest if limit is None else min(self.greatest, limit)

    def began_at(self, began: datetime) -> datetime:
        """Return when the read began, by what its times are written like; it *began* then in our clock."""
        return self._written_like(moment_of(self.since) if self.since else began)

    def asked_at(self, fetched: Fetched, asked: datetime) -> datetime:
        """Return the same of the page *fetched*, which was *asked* for then in our clock."""
        return self._written_like(_in_clock_of(fetched, asked))

    def _written_like(self, since: datetime) -> datetime:
        if self.greatest is None:
            return since - _UNKNOWN
        like = self.greatest if is_time(self.greatest) else _LATEST
        moment = moment_of(horizon(like, since, self.grain))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def doubt(self) -> str:
        """Why a record may have slipped past between numbered pages; empty without a sign of that."""
        if not (self.several and self.numbered):
            return ""
        limit = self._horizon
        if not self.moved and limit is not None and self.greatest >= limit:
            return "records changed while it was read"
        return self.moved

    @property
    def _horizon(self) -> str | None:
        if not is_time(self.greatest) or self.since is None:
            return None
        return horizon(self.greatest, moment_of(self.since), self.grain)

    def to_json(self) -> dict[str, Any]:
        """Return the members that say something, as JSON values."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False, "")}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Seen:
        """Return what `to_json` gave *members* for; raise TypeError for members that it never has."""
        return cls(**members)


NOTHING = Seen()


def _in_clock_of(fetched: Fetched, began: datetime) -> datetime:
    """Return when the request for *fetched* was sent by the clock of the server that answered.

    A server without a clock, or with one that is absurd, such as that of a cache, goes by ours: *began*.
    """
    told = fetched.page.headers.get("date")
    try:
        answered = parsedate_to_datetime(told) if told else None
    except ValueError:
        answered = None
    if answered is None or answered.tzinfo is None or abs(answered - began) > _ABSURD:
        return began
    return answered.astimezone(UTC) - timedelta(seconds=fetched.elapsed)
