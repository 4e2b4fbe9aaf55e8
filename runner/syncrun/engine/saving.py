"""What a run makes true, commit by commit: its records, and the progress that they stand for (R12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from syncrun.engine import outcome, progress
from syncrun.engine.checkpoints import Progress
from syncrun.engine.commits import Commits
from syncrun.engine.deleted_feed import version_of
from syncrun.engine.deletes import Decision
from syncrun.engine.enumeration import Enumeration
from syncrun.engine.job import Job, Options
from syncrun.engine.plan import finds_missing
from syncrun.engine.remapping import key_of
from syncrun.engine.start import Start
from syncrun.http.redact import Redactor
from syncrun.stores.values.commit import Changes, Commit, SnapshotDeletes
from syncrun.stores.values.run import Run
from syncrun.stores.values.told import Told
from syncrun.transform.mapping import Mapper

RUN_BEGAN = "%Y%m%dT%H%M%S%f"
"""How the id of a run begins."""

_OF_RECORDS = ("cursor", "reached", "parents_seq", "mapping")  # what is saved about records that were read


class Saving:
    """Gives the *commits* of a run the checkpoints, snapshot window and deletes that belong to them.

    `window` is the complete read that goes on in a later commit, perhaps of a later run; None when none does.
    `sift` narrows what the last commit deletes.
    """

    def __init__(
        self,
        job: Job,
        options: Options,
        commits: Commits,
        start: Start,
        *,
        began: datetime,
        redactor: Redactor,
    ) -> None:
        self._sync, self._options, self._commits, self._start = job.sync, options, commits, start
        self._began, self._redactor = began, redactor
        self._saved = start.saved
        self.window = start.window
        self._restarted: set[str] = set()
        self.sift: Callable[[Commit], Commit] | None = None

    def commit(
        self,
        run: Run,
        mapper: Mapper,
        read: Enumeration,
        decision: Decision | None = None,
        *,
        at_once: bool = True,
    ) -> Changes:
        """Make what is staged true, together with how far *read* has come.

        A *decision* goes with the last commit of a run whose partitions have all ended, one way or another.
        """
        if self._options.limit is not None:
            # a look, not progress
            return self._commits.commit(run, mapper, {}, at_once=at_once)
        deletes = decided = None if decision is None else decision.deletes
        if read.mode == "full" and decision is None:
            # the read goes on in a later commit, perhaps of a later run
            self.window = self.window or run.id
        elif self.window is not None and deletes is None:
            deletes = SnapshotDeletes(frozenset())  # the window is over and deletes nothing
        windowed = finds_missing(self._sync)
        return self._commits.commit(
            run,
            mapper,
            self._checkpoints(read, decision),
            snapshot=self.window if windowed else None,
            deletes=deletes if windowed else decided,
            at_once=at_once,
            begun=decision is None and not read.pages,
            sift=self.sift,
            told=self._told(read),
            unseen=self._unseen(read),
        )

    def _unseen(self, read: Enumeration) -> frozenset[str]:
        """Return the partitions that are read anew in the window of an earlier run, for the first time."""
        if self.window is None or self.window != self._start.window:
            return frozenset()
        anew = {name for name, reading in read.readings.items() if reading.restarted}
        found = frozenset(anew - self._restarted)
        self._restarted |= anew
        return found

    def _told(self, read: Enumeration) -> Told | None:
        """Return which lists of deletions go with a commit, and for which the records are read."""
        found = {
            name: reading
            for name, reading in read.readings.items()
            if reading.told and (reading.entries or reading.told_before) and not reading.skipped
        }
        if not found:
            return None
        sources = self._sync.sources
        return Told(
            lists={name: reading.told for name, reading in found.items()},
            done=frozenset(name for name, reading in found.items() if reading.records_read),
            version=version_of(self._sync),
            scoped=bool(sources) and not any(source.batch for source in sources),
        )

    def went_on_from(self, read: Enumeration) -> datetime | None:
        """Return when the earlier read began that *read* has finished; None when it began its own."""
        window = self._start.window if read.mode == "full" else None
        began = [read.went_on_from, None if window is None else _began(window)]
        return min(filter(None, began), default=None)

    def _checkpoints(self, read: Enumeration, decision: Decision | None) -> dict[str, str | None]:
        """Return the checkpoints to save, by partition."""
        readings, whole = read.readings, self._start.whole
        rejected = outcome.too_many_rejected(read, self._sync)
        useless = outcome.none_passed(read, self._sync)
        if decision is None:
            window = None if rejected else self.window  # what a run judged too bad is read again (R22)
            now = progress.on_the_way(readings, whole, window, windowless=not finds_missing(self._sync))
            now = progress.with_key(now, key_of(self._sync), every=False)
            return self._moved(self._unmoved(now) if useless else now, frozenset())
        full = read.mode == "full"
        every = full and not rejected and all(reading.done for reading in readings.values())
        unsure = bool(decision.unsure) or any(one.has_gaps for one in readings.values())
        # a sync that always reads everything has nothing to remember but this
        counts = full and not rejected and (self._sync.incremental is not None or unsure or bool(whole.again))
        began = self.went_on_from(read) or self._began
        now = progress.at_the_end(readings, whole, began if counts else None, unsure=unsure)
        now = progress.with_key(now, key_of(self._sync), every=every)
        # should a partition come back whose records are deleted, all of them have to be read
        gone = frozenset(self._saved.keys() - now.keys() - decision.kept)
        if not full:
            gone &= (decision.deletes and decision.deletes.partitions) or frozenset()
        return self._moved(self._unmoved(now) if useless else now, gone)

    def _unmoved(self, now: Mapping[str, Progress]) -> dict[str, Progress]:
        """Return *now* as if it had read nothing: not one record was of use, and all are read again (R22)."""
        saved, fresh = self._start.saved, self._start.fresh
        before = {name: saved.get(name, fresh) for name in now}
        return {
            name: replace(state, **{kept: getattr(before[name], kept) for kept in _OF_RECORDS})
            for name, state in now.items()
        }

    def _moved(self, now: Mapping[str, Progress], gone: frozenset[str]) -> dict[str, str | None]:
        """Return the checkpoints to write, and take them for saved: no commit follows one that fails."""
        now = progress.without_secrets(now, self._redactor)
        before, self._saved = self._saved, {**self._saved, **now}
        return progress.to_save(now, before, self._start.fresh, gone)


def _began(run_id: str) -> datetime | None:
    """Return when the run *run_id* began, which its id tells."""
    try:
        return datetime.strptime(run_id.partition("-")[0], RUN_BEGAN).replace(tzinfo=UTC)
    except ValueError:
        return None
