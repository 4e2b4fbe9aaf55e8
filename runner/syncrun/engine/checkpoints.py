"""Saved progress: what of a run the next one goes on from, as versioned JSON (R1, R12, R15)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from syncrun.engine.seen import NOTHING, Seen
from syncrun.errors import CheckpointError
from syncrun.excerpts import excerpt
from syncrun.paginators import AnyPagination, PageState, Pagination
from syncrun.stores.values.ids import SyncId

VERSION = 1

_MEMBERS = (
    "started",
    "passed",
    "part",
    "window",
    "token",
    "lost",
    "listed",
    "job",
    "shifted",
    "received",
    "second",
    "searched",
    "told",
    "nameless",
    "counted",
    "drift",
)
_KEPT = (
    "reached",
    "deletions",
    "window",
    "shifted",
    "nameless",
    "counted",
    "drift",
    "parents_seq",
    "snapshot_at",
    "again",
    "open_read",
    "mapping",
    "key",
)


@cache
def _adapter() -> TypeAdapter[Pagination]:
    """Return what reads paginations; hardly any run needs it, and making it takes a while."""
    return TypeAdapter(AnyPagination)


@dataclass(frozen=True, slots=True)
class Resume:
    """An enumeration that stopped half way.

    *mode* is the run's, *page* where to go on, *started* when it first began, *seen* the cursor values
    so far, *definition* the fingerprint of the request and pagination that *page* makes
    sense to, *window* the complete read that it is part of. *token* is the response token so far, *lost* why
    something of the pages before is missing. *pagination* is what was detected where none is declared.
    *told* names the list of deletions that was read before the records. *listed* is what an older version
    wrote, which read that list last: the records are read, and it is not. So many rejected records were
    *nameless*, without a readable key. With time windows, *part*
    is the start and end of the one being read, *passed* the end of the last one that was read completely.
    So many of its records were *received* before *page*, and *second* tells that it is read for the second
    time. *job* is what later requests need of the export that the pages are in. *shifted* is where the
    enumeration had gone on before, at a page that may have moved. *searched* is where a search has ended that
    gives only so many records: *page* is one of the search that goes on from there. *counted* tells that
    there was more than one numbered page, *drift* why records may have slipped past.
    """

    mode: str
    page: PageState
    definition: str
    seen: Seen = NOTHING
    started: str | None = None
    passed: str | None = None
    part: tuple[str, str] | None = None
    window: str | None = None
    token: Any = None
    lost: str = ""
    pagination: Pagination | None = None
    listed: bool = False
    job: Mapping[str, Any] | None = None
    shifted: str = ""
    received: int | None = None
    second: bool = False
    searched: tuple[Any, Any] | None = None
    told: str = ""
    nameless: int | None = None
    counted: bool = False
    drift: str = ""

    def fits(self, mode: str, definition: str, window: str | None) -> bool:
        """Return whether an enumeration of *mode*, *definition* and *window* is the one that stopped here.

        A complete read that goes on may delete what its window has not seen, so it has to be that window.
        """
        same = (self.mode, self.definition) == (mode, definition) and not self.listed
        return same and (mode == "incremental" or self.window == window)

    def to_json(self) -> dict[str, Any]:
        """Return the members as JSON values, without those that say nothing."""
        members = {"mode": self.mode, "page": self.page.to_json(), "definition": self.definition}
        for name in _MEMBERS:
            value = getattr(self, name)
            if value is not None and value is not False and value != "":
                members[name] = value
        seen = self.seen.to_json()
        watermark = seen.pop("greatest", None)
        members |= {name: value for name, value in (("watermark", watermark), ("seen", seen)) if value}
        if self.pagination is not None:
            chosen = self.pagination.model_dump(mode="json", exclude_defaults=True)
            members["pagination"] = {**chosen, "type": self.pagination.kind}
        return members

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Resume:
        """Return what `to_json` gave *saved* for; raise KeyError, TypeError or ValueError for others."""
        part, pagination, searched = saved.get("part"), saved.get("pagination"), saved.get("searched")
        return cls(
            str(saved["mode"]),
            PageState.from_json(saved["page"]),
            str(saved["definition"]),
            seen=_seen(saved),
            started=saved.get("started"),
            passed=saved.get("passed"),
            part=(str(part[0]), str(part[1])) if part else None,
            window=saved.get("window"),
            token=saved.get("token"),
            lost=str(saved.get("lost", "")),
            pagination=_adapter().validate_python(pagination) if pagination else None,
            listed=bool(saved.get("listed")),
            job=saved.get("job"),
            shifted=str(saved.get("shifted", "")),
            received=saved.get("received"),
            second=bool(saved.get("second")),
            searched=(searched[0], searched[1]) if searched else None,
            told=str(saved.get("told", "")),
            nameless=saved.get("nameless"),
            counted=bool(saved.get("counted")),
            drift=str(saved.get("drift", "")),
        )


def _seen(saved: Mapping[str, Any]) -> Seen:
    """Return what an unfinished read had seen: older versions kept the greatest value and the start."""
    watermark, rest = saved.get("watermark"), saved.get("seen")
    if rest is None:
        return NOTHING if watermark is None else Seen(watermark, since=saved.get("started"), several=True)
    return Seen.from_json({**rest, "greatest": watermark})


def without_place(resume: Resume | None) -> Resume | None:
    """Return what is left of *resume* for a read that begins at the first page: the export, if it is one."""
    if resume is None or resume.job is None:
        return None
    return replace(resume, page=PageState(), token=None, lost="")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one partition stands.

    *cursor* is the committed high-water mark (or response token) that the next incremental read starts from,
    *field* what it was taken from, and *reached* the mark that it moves to when all is read once more, since
    a read went on at a page that may have moved. *deletions* is where the list of deletions is read from,
    when its entries say when they happened. *resume* is set while an enumeration is unfinished. *window*
    names the unfinished complete read of the sync that has read this partition to its end, *shifted* where it
    went on at a page that may have moved, if it did, *counted* whether it had several numbered pages, *drift*
    why records may have slipped past it, *nameless* how many of its records were rejected without a readable
    key. *parents_seq* is the change-feed position of its parents
    when it was last read to its end. *mapping* is the fingerprint of the mapping that made all records of an
    incremental sync, "" when there was more than one. The partition "" also keeps what concerns the whole
    sync: *snapshot_at*, when it was last read completely, *again*, whether a complete read since could not
    find what vanished, *open_read*, the complete read that is unfinished (of a sync whose store keeps no
    snapshot window), and *key*, by which all records of the API were last read.
    """

    field: str = ""
    cursor: Any = None
    reached: Any = None
    deletions: Any = None
    resume: Resume | None = None
    window: str | None = None
    shifted: str | None = None
    nameless: int | None = None
    counted: bool | None = None
    drift: str | None = None
    parents_seq: int | None = None
    snapshot_at: str | None = None
    again: bool | None = None
    open_read: str | None = None
    mapping: str | None = None
    key: str | None = None

    def mapping_after(self, mapping: str | None, *, some: bool, every: bool) -> str | None:
        """Return the fingerprint of the mapping that all records have when *some*, or *every* one, are read.

        They were made by *mapping*; "" tells that there are several.
        """
        if mapping is None or every:
            return mapping
        if not some or self.mapping == mapping:
            return self.mapping
        return mapping if self.mapping is None else ""

    def to_text(self) -> str:
        """Return the JSON text to store."""
        document: dict[str, Any] = {"version": VERSION, "field": self.field, "cursor": self.cursor}
        if self.resume is not None:
            document["resume"] = self.resume.to_json()
        for name in _KEPT:
            value = getattr(self, name)
            if value is not None:
                document[name] = value
        return json.dumps(document, ensure_ascii=False)


def read(text: str, sync: SyncId, partition: str, *, field: str) -> Progress:
    """Return the progress that *text* holds; raise CheckpointError when it is unreadable or foreign (R1)."""
    where = "the checkpoint" + (f" of partition {partition}" if partition else "")
    hint = f"`syncrun run --reset {sync}` starts over and keeps the records"
    try:
        document = json.loads(text)
        version = document["version"]
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"{where} cannot be read: {excerpt(text, 80)!r}", hint=hint) from None
    if version != VERSION:
        raise CheckpointError(
            f"{where} has version {version!r}; this syncrun reads version {VERSION}", hint=hint
        )
    try:
        progress = _from_document(document)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise CheckpointError(f"{where} cannot be read: {excerpt(text, 80)!r}", hint=hint) from None
    if progress.field != field and progress.cursor is not None:
        before, after = progress.field or "none", field or "none"
        raise CheckpointError(
            f"{where} was kept for the cursor {before!r}; the sync now uses {after!r}", hint=hint
        )
    return replace(progress, field=field)


def _from_document(document: dict[str, Any]) -> Progress:
    saved = document.get("resume")
    resume = Resume.from_json(saved) if saved is not None else None
    return Progress(
        field=str(document.get("field", "")),
        cursor=document.get("cursor"),
        reached=document.get("reached"),
        deletions=document.get("deletions"),
        resume=resume,
        window=document.get("window"),
        shifted=document.get("shifted"),
        nameless=document.get("nameless"),
        counted=document.get("counted"),
        drift=document.get("drift"),
        parents_seq=document.get("parents_seq"),
        snapshot_at=document.get("snapshot_at"),
        again=document.get("again"),
        open_read=document.get("open_read"),
        mapping=document.get("mapping"),
        key=document.get("key"),
    )
