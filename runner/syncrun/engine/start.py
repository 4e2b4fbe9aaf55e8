"""Where a run starts from: the progress that is saved, and whether everything has to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from msgspec import Struct

from syncrun.engine import checkpoints
from syncrun.engine.checkpoints import Progress
from syncrun.engine.job import Job, Options
from syncrun.engine.plan import Mode, finds_missing, why_full
from syncrun.stores.values.progress import Saved


class Start(Struct, frozen=True):
    """What a run goes on from.

    *saved* is the progress by partition, *fresh* that of a partition that was never read, *window* the
    complete read that was begun and has to be finished, *missing* are the partitions with records that
    another read has to miss. *why_full* tells why everything has to be read; it is empty when what has
    changed is enough.
    """

    saved: Mapping[str, Progress]
    fresh: Progress
    window: str | None
    why_full: str
    missing: frozenset[str] = frozenset()

    @property
    def mode(self) -> Mode:
        """What has to be read: everything, or what has changed."""
        return "full" if self.why_full else "incremental"

    @property
    def whole(self) -> Progress:
        """What is saved about the sync as a whole."""
        return self.saved.get("", self.fresh)

    def mixes(self, mapping: str | None) -> bool:
        """Return whether records stay as another mapping than *mapping* made them.

        What was saved before mappings were kept counts as the same.
        """
        known = {state.mapping for state in self.saved.values()} - {None, mapping}
        return mapping is not None and self.mode == "incremental" and bool(known)


def start_from(stored: Saved, job: Job, options: Options, now: datetime) -> Start:
    """Return where a run of *job* starts from, given what is *stored*; raise CheckpointError (R1)."""
    fresh = _fresh(job, options)
    saved = _by_partition(stored, job, options, fresh)
    begun = None if options.limit is not None or options.cursor is not None else stored.window
    unfinished = saved.get("", fresh).open_read
    window = begun if finds_missing(job.sync) else unfinished
    why = why_full(
        job.sync,
        saved,
        full=options.full,
        window=window or unfinished,
        now=now,
        accept=options.accept_deletes,
        cursor=options.cursor,
    )
    return Start(saved, fresh, window, why, stored.missing)


def _fresh(job: Job, options: Options) -> Progress:
    incremental = job.sync.incremental
    field = "" if incremental is None else incremental.cursor or "token"
    return Progress(field, cursor=options.cursor)


def _by_partition(stored: Saved, job: Job, options: Options, fresh: Progress) -> dict[str, Progress]:
    saved = {
        partition: checkpoints.read(found.state, job.id, partition, field=fresh.field)
        for partition, found in stored.checkpoints.items()
    }
    if options.cursor is not None:  # from another place
        return {name: replace(fresh, mapping=state.mapping, key=state.key) for name, state in saved.items()}
    if options.limit is not None:  # a look at the beginning, which goes on with nothing
        return {name: replace(state, resume=None, open_read=None) for name, state in saved.items()}
    return saved
