"""Saved progress: what of a run the next one goes on from, as versioned JSON (R1, R12, R15)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from syncrun.errors import CheckpointError
from syncrun.paginators.base import PageState
from syncrun.stores.base import SyncId

VERSION = 1


@dataclass(frozen=True, slots=True)
class Resume:
    """An enumeration that stopped half way.

    *mode* is the run's, *page* where to go on, *watermark* the greatest cursor value so far, *definition* the
    fingerprint of the request and pagination that *page* makes sense to. With time windows, *part* is the
    start and end of the one being read, *passed* the end of the last one that was read completely.
    """

    mode: str
    page: PageState
    definition: str
    watermark: Any = None
    passed: str | None = None
    part: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one partition stands.

    *cursor* is the committed high-water mark (or response token) that the next incremental read starts from,
    and *field* what it was taken from. *resume* is set while an enumeration is unfinished. *window* names the
    snapshot window that this partition was last enumerated completely in, *parents_seq* the change-feed
    position of its parents then. The partition "" also keeps what concerns the whole sync: *snapshot_at*,
    when it was last enumerated completely.
    """

    field: str = ""
    cursor: Any = None
    resume: Resume | None = None
    window: str | None = None
    parents_seq: int | None = None
    snapshot_at: str | None = None

    def to_text(self) -> str:
        """Return the JSON text to store."""
        document: dict[str, Any] = {"version": VERSION, "field": self.field, "cursor": self.cursor}
        if self.resume is not None:
            saved = self.resume
            document["resume"] = {
                "mode": saved.mode,
                "page": saved.page.to_json(),
                "definition": saved.definition,
                "watermark": saved.watermark,
                "passed": saved.passed,
                "part": saved.part,
            }
        for name in ("window", "parents_seq", "snapshot_at"):
            value = getattr(self, name)
            if value is not None:
                document[name] = value
        return json.dumps(document, ensure_ascii=False)


def latest(first: Any, second: Any) -> Any:
    """Return the greater of two cursor values of one kind; None is less than anything."""
    if first is None or second is None:
        return first if second is None else second
    if isinstance(first, str) is not isinstance(second, str):
        return second  # the field's type changed: the newer kind counts
    return max(first, second)


def read(text: str, sync: SyncId, partition: str, *, field: str) -> Progress:
    """Return the progress that *text* holds; raise CheckpointError when it is unreadable or foreign (R1)."""
    where = "the checkpoint" + (f" of partition {partition}" if partition else "")
    hint = f"`syncrun run --reset {sync}` starts over and keeps the records"
    try:
        document = json.loads(text)
        version = document["version"]
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"{where} cannot be read: {text[:80]!r}", hint=hint) from None
    if version != VERSION:
        raise CheckpointError(
            f"{where} has version {version!r}; this syncrun reads version {VERSION}", hint=hint
        )
    try:
        progress = _from_document(document)
    except (KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{where} cannot be read: {text[:80]!r}", hint=hint) from None
    if progress.field != field and progress.cursor is not None:
        before, after = progress.field or "none", field or "none"
        raise CheckpointError(
            f"{where} was kept for the cursor {before!r}; the sync now uses {after!r}", hint=hint
        )
    return replace(progress, field=field)


def _from_document(document: dict[str, Any]) -> Progress:
    saved = document.get("resume")
    resume = None
    if saved is not None:
        page, definition = PageState(**saved["page"]), str(saved["definition"])
        part = saved.get("part")
        bounds = (str(part[0]), str(part[1])) if part else None
        resume = Resume(
            str(saved["mode"]), page, definition, saved.get("watermark"), saved.get("passed"), bounds
        )
    return Progress(
        field=str(document.get("field", "")),
        cursor=document.get("cursor"),
        resume=resume,
        window=document.get("window"),
        parents_seq=document.get("parents_seq"),
        snapshot_at=document.get("snapshot_at"),
    )
