"""Small commits of several runs in one transaction: a statement for all of them is planned once.

Each run's commit becomes true as if it were alone, and none does unless all do. Those that need more than
records, deletes of a whole read, progress and log are left to `merge`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from syncrun.shapes import Column, Model
from syncrun.stores import binding, checkpoints, missing, quarantine, run_log, runs
from syncrun.stores.classify import Classified, classify_each, sequence
from syncrun.stores.history import open_history
from syncrun.stores.joint_lines import JointLines, Lines, read_lines
from syncrun.stores.merge import identity_of, transaction
from syncrun.stores.owners import fill_members, several
from syncrun.stores.reshaping import prepare
from syncrun.stores.snapshots import settle_each
from syncrun.stores.tables import Stored, look_up
from syncrun.stores.values.commit import SMALL, Changes, Commit
from syncrun.stores.values.ids import ModelId
from syncrun.stores.vanished import Vanishing
from syncrun.stores.writing import Writer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LOG = 1 << 16  # bytes of a log that are few


def fits(commit: Commit) -> bool:
    """Whether *commit* is small and plain enough."""
    return (
        commit.rows <= SMALL
        and len(commit.staged) <= 1
        and not commit.rejected
        and commit.snapshot is None
        and commit.told is None
        and not commit.newest_first
        and (commit.deletes is None or commit.deletes.plain)
        and sum(path.stat().st_size for path in commit.log if path.exists()) <= _LOG
    )


def rounds(commits: Sequence[Commit]) -> list[list[Commit]]:
    """Return *commits* in groups for one transaction each.

    In a group the commits to a table are of the same model, of different connections and with the same
    columns.
    """
    groups: list[tuple[list[Commit], dict[tuple[str, str], _Place]]] = []
    for commit in commits:
        for group, places in groups:
            place = places.setdefault(_table(commit), _Place(commit.model))
            if place.takes(commit):
                group.append(commit)
                break
        else:
            place = _Place(commit.model)
            place.takes(commit)
            groups.append(([commit], {_table(commit): place}))
    return [group for group, _ in groups]


class _Place:
    """The commits to one table in one transaction."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._owners: set[str] = set()
        self._columns: tuple[Column, ...] | None = None

    def takes(self, commit: Commit) -> bool:
        """Return whether *commit* may be among them, and is."""
        owner, columns = commit.run.sync.connection, commit.staged[0].columns if commit.staged else None
        known = self._columns if columns is None else columns  # without a file any columns will do
        if self._model.inferred and self._owners and columns != self._columns:
            return False
        if commit.model != self._model or owner in self._owners or self._columns not in (None, known):
            return False
        self._columns = known
        self._owners.add(owner)
        return True


def merge_together(
    db: DuckDBPyConnection, commits: Sequence[Commit], fault: Callable[[str], None]
) -> dict[str, Changes]:
    """Make *commits*, which are one of `rounds`, true in one transaction of *db*.

    Return what they changed, by run. Those that are not among them have not been made true: they are not the
    first of their run, the sync has records in quarantine, the files are not as they were written, or the
    database is not theirs.
    *fault* is told what `merge` tells it.
    """
    members = [(commit, lines) for commit in commits if (lines := read_lines(commit)) is not None]
    models = {_table(commit): commit.model for commit, _ in members}
    stored = {table: look_up(db, model) for table, model in models.items()}
    fault("loaded")
    with transaction(db, fault):
        return _Joint(db, members, stored, fault).write()


def _table(commit: Commit) -> tuple[str, str]:
    return commit.model.connector, commit.model.name


@dataclass(frozen=True, slots=True)
class _Set:
    """The commits to one table, by their number in `temp.member`, and their lines."""

    model: Model
    stored: Stored
    commits: Mapping[int, Commit]
    lines: Mapping[int, Lines]


class _Joint:
    """One transaction of several runs."""

    def __init__(
        self,
        db: DuckDBPyConnection,
        members: Sequence[tuple[Commit, Lines]],
        stored: Mapping[tuple[str, str], Stored],
        fault: Callable[[str], None],
    ) -> None:
        self._db, self._stored, self._fault = db, stored, fault
        self._others = runs.find_others(db, [commit.run.id for commit, _ in members])
        known = {run.id for run in self._others}
        connections = {commit.run.sync.connection for commit, _ in members}
        busy, missed = quarantine.owners(db, connections), missing.owners(db, connections)
        look = binding.look(db, [commit.basis for commit, _ in members])
        self._basis, self._homes = look.basis, binding.homes(db)
        self._members = [
            (commit, lines)
            for commit, lines in members
            if commit.run.id not in known
            and commit.run.sync not in busy
            and ModelId(commit.run.sync.connection, *_table(commit)) not in missed
            and not look.why_not(commit.basis)
            and not binding.why_not_home(commit, self._homes.get(commit.run.sync.connection))
        ]
        self._before = self._last = sequence(db)

    def write(self) -> dict[str, Changes]:
        """Write all that the runs have; return what each changed, by its id."""
        if not self._members:
            return {}
        commits = [commit for commit, _ in self._members]
        fill_members(self._db, commits)
        found: dict[int, Changes] = {}
        for chosen in self._sets():
            found |= self._apply(chosen)
        if self._last != self._before:
            self._db.execute("UPDATE syncrun.sequence SET last = ?", [self._last])
        checkpoints.write_each(self._db, commits)
        rows = [
            (commit.run, found[n], identity_of(commit, lines.last))
            for n, (commit, lines) in enumerate(self._members)
        ]
        runs.write_new(self._db, rows, self._others)
        run_log.write_new(self._db, {commit.run.id: commit.log for commit in commits})
        binding.settle_homes(self._db, commits, self._homes)
        basis = binding.advance(self._db, self._basis)
        return {commit.run.id: replace(found[n], basis=basis) for n, commit in enumerate(commits)}

    def _sets(self) -> list[_Set]:
        numbers: dict[tuple[str, str], list[int]] = {}
        for number, (commit, _) in enumerate(self._members):
            numbers.setdefault(_table(commit), []).append(number)
        return [
            _Set(
                self._members[chosen[0]][0].model,
                self._stored[table],
                {n: self._members[n][0] for n in chosen},
                {n: self._members[n][1] for n in chosen},
            )
            for table, chosen in numbers.items()
        ]

    def _apply(self, chosen: _Set) -> dict[int, Changes]:
        """Merge the records of one table."""
        db, before = self._db, self._last
        with JointLines(chosen.commits, chosen.lines) as joint:
            staged = joint.load(db)
            table = prepare(db, chosen.model, staged, chosen.stored)
            history = open_history(db, chosen.model, table, chosen.stored)
            self._fault("prepared")
            owners = several([commit.run.sync.connection for commit in chosen.commits.values()])
            upserts = {n: lines.upserts for n, lines in chosen.lines.items()}
            written = classify_each(db, owners, table, staged, seq=before, upserts=upserts)
            whole = Classified.total(written.values())
            looked_at = {
                n: commit.run.sync.connection
                for n, commit in chosen.commits.items()
                if commit.run.mode == "full" and written[n].updated
            }
            vanishing = Vanishing(db, table, looked_at, joint=True)
            Writer(db, chosen.model, table, staged, owners).write(whole)
        self._fault("records")
        rows = {n: len(lines.texts) for n, lines in chosen.lines.items()}
        last = before + whole.events
        settled = settle_each(db, chosen.commits, table.name, rows=rows, opened_seq=before, last=last)
        self._last = last + sum(one.deleted for one in settled.values())
        if history is not None:
            history.catch_up()
            if whole.restored:
                history.restore()
        self._fault("deletes")
        gone = vanishing.found()
        return {
            n: Changes(
                added=found.added,
                updated=found.updated,
                deleted=found.deleted + settled[n].deleted,
                unchanged=found.unchanged,
                duplicates=chosen.lines[n].duplicates,
                last_seq=self._last,
                refused=settled[n].refused,
                missing=settled[n].waiting,
                note=settled[n].note,
                vanished=gone.get(n, ()),
            )
            for n, found in written.items()
        }
