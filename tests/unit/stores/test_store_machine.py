"""The store against a dictionary: whatever is committed in whatever order, both tell the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from syncrun.stores import absence
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.retention import Retention
from syncrun.stores.values.commit import Changes, SnapshotDeletes
from tests.unit.stores.desk import START, Desk, Line, gone, put, seen

FEW = 4  # the guard judges ratios from here on, so that small examples meet it

keys = st.integers(0, 7)
partitions = st.sampled_from(["", "a", "b"])
lines = st.one_of(
    st.builds(put, keys, partitions, name=st.sampled_from(["x", "x", "y"])),
    st.builds(put, keys, partitions, name=st.sampled_from(["x", "x", "y"])),
    st.builds(gone, keys, partitions),
    st.builds(seen, keys, partitions),
)
files = st.lists(st.lists(lines, max_size=8), max_size=2)
deletes = st.builds(
    SnapshotDeletes,
    partitions=st.none() | st.frozensets(partitions),
    max_ratio=st.sampled_from([0.5, 1.0]),
    allow_empty=st.booleans(),
    accept=st.sampled_from([True, False, False]),
    misses=st.sampled_from([1, 1, 2, 3]),
    gone=st.sampled_from([frozenset(), frozenset({"b"})]),
    only=st.none() | st.none() | st.frozensets(st.integers(0, 7).map(str)),
)
few_lines = st.lists(lines, max_size=8)
whole = st.builds(
    SnapshotDeletes,
    max_ratio=st.sampled_from([0.5, 1.0]),
    allow_empty=st.booleans(),
    accept=st.sampled_from([True, False, False]),
    misses=st.sampled_from([1, 1, 2]),
)
connections = st.sampled_from(["acme", "acme", "globex"])
states = st.sampled_from(["1", "2", None])
points = st.sampled_from(["loaded", "begun", "prepared", "records", "deletes", "state"])


class _Crash(Exception):  # noqa: N818 - it is no error of anybody
    """Stands for the end of the process."""


@dataclass
class Row:
    """What the reference knows of a record."""

    name: str
    partition: str
    seq: int
    action: str
    run: str
    changed: float
    first: float
    pruned: bool = False


@dataclass
class Version:
    """What the reference remembers of a record's past."""

    key: tuple[str, str]
    name: str
    seq: int
    action: str
    run: str
    since: float
    until: float | None = None
    pruned: bool = False


@dataclass
class Part:
    """One of several commits that are done together."""

    connection: str
    run: str
    at: float
    started: float
    staged: Sequence[Line]
    deletes: Any


@dataclass
class Reference:
    """The store as one would write it without a database; times are hours."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    seq: int = 0
    checkpoints: dict[str, str] = field(default_factory=dict)
    window: tuple[str, float, int] | None = None
    seen: dict[str, set[str]] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    missing: dict[tuple[str, str], tuple[int, float, str]] = field(default_factory=dict)

    def commit(
        self, connection: str, run: str, at: float, started: float, staged: Sequence[Line], **options: Any
    ) -> Changes:
        """Do the commit and return what it changed."""
        with self._history(kept=options.pop("history")):
            return self._commit(connection, run, at, started, staged, **options)

    @contextmanager
    def _history(self, *, kept: bool) -> Iterator[None]:
        """Remember what the block changes, if it is *kept*."""
        if not kept:
            yield
            return
        self._remember()
        restored = len(self.restored)
        yield
        self._remember()
        if len(self.restored) > restored:
            full = {row.seq for row in self.rows.values() if not row.pruned}
            for version in self.versions:
                version.pruned = version.pruned and version.seq not in full

    def prune(self, before: float) -> None:
        """Forget the names that have not changed since."""
        for row in self.rows.values():
            row.pruned = row.pruned or row.changed < before
        for version in self.versions:
            last = version.since if version.until is None else version.until
            version.pruned = version.pruned or last < before

    def _remember(self) -> None:
        known = max((version.seq for version in self.versions), default=0)
        for key, row in sorted(self.rows.items(), key=lambda item: item[1].seq):
            if row.seq > known:
                for version in self.versions:
                    if version.key == key and version.until is None:
                        version.until = row.changed
                version = Version(key, row.name, row.seq, row.action, row.run, row.changed)
                version.pruned = row.pruned
                self.versions.append(version)

    def state(self, seq: int) -> dict[tuple[str, str], str]:
        """Return the name of each record that was live after the change *seq*, as far as it is remembered."""
        last = {version.key: version for version in self.versions if version.seq <= seq}
        return {key: version.name for key, version in last.items() if version.action != "DELETED"}

    def _commit(
        self, connection: str, run: str, at: float, started: float, staged: Sequence[Line], **options: Any
    ) -> Changes:
        begun = self.seq
        count, ids = self._merge(connection, run, at, staged)
        refused, note = None, ""
        snapshot, rule_ = options["snapshot"], options["deletes"]
        opened = self.window if self.window and self.window[0] == snapshot else (snapshot, started, begun)
        if rule_ is not None:
            for partition, keys_ in self.seen.items() if opened is self.window else ():
                ids.setdefault(partition, set()).update(keys_)
            deleted, refused, note = self._vanish(connection, run, at, opened, ids, rule_)
            count["deleted"] += deleted
            if opened is self.window:
                self.window, self.seen = None, {}
        elif snapshot is not None:
            if opened is not self.window:
                self.window, self.seen = opened, {}
            for partition, keys_ in ids.items():
                self.seen.setdefault(partition, set()).update(keys_)
        for partition, state in options["checkpoints"].items():
            self.checkpoints.pop(partition, None)
            if state is not None:
                self.checkpoints[partition] = state
        return Changes(
            **count, last_seq=self.seq, refused=refused, missing=self._waiting(connection), note=note
        )

    def _waiting(self, connection: str) -> int:
        return sum(owner == connection for owner, _ in self.missing)

    def commit_together(self, parts: Sequence[Part], *, history: bool) -> list[Changes]:
        """Do the commits of several runs at one instant: what they wrote comes before what has vanished."""
        alone = [part for part in parts if self._waiting(part.connection)]  # records of theirs are missing
        with self._history(kept=history):
            together = [part for part in parts if part not in alone]
            done = dict(zip([part.run for part in together], self._commit_together(together), strict=True))
            for part in alone:
                [done[part.run]] = self._commit_together([part])
        return [done[part.run] for part in parts]

    def _commit_together(self, parts: Sequence[Part]) -> list[Changes]:
        begun, done = self.seq, []
        merged = [self._merge(part.connection, part.run, part.at, part.staged) for part in parts]
        for part, (count, ids) in zip(parts, merged, strict=True):
            refused, note = None, ""
            if part.deletes is not None:
                opened = (None, part.started, begun)
                deleted, refused, note = self._vanish(
                    part.connection, part.run, part.at, opened, ids, part.deletes
                )
                count["deleted"] += deleted
            done.append((count, refused, self._waiting(part.connection), note))
        return [
            Changes(**count, last_seq=self.seq, refused=refused, missing=missing, note=note)
            for count, refused, missing, note in done
        ]

    def _merge(
        self, connection: str, run: str, at: float, staged: Sequence[Line]
    ) -> tuple[dict[str, int], dict[str, set[str]]]:
        """Write what is staged; return how much was changed, and the ids that were seen, by partition."""
        upserts = {line["k"]: line for line in staged if line["a"] != "S"}
        last = {id(line) for line in upserts.values()}
        count = {"added": 0, "updated": 0, "deleted": 0, "unchanged": 0}
        count["duplicates"] = sum(line["a"] != "S" for line in staged) - len(upserts)
        for line in staged:
            if id(line) in last:
                event = self._write(connection, run, at, line)
                if event:
                    count[event] += 1
        ids: dict[str, set[str]] = {}
        for line in [*upserts.values(), *(line for line in staged if line["a"] == "S")]:
            ids.setdefault(line["p"], set()).add(line["k"])
        for line in staged:
            self.missing.pop((connection, line["k"]), None)
        return count, ids

    def _write(self, connection: str, run: str, at: float, line: Line) -> str:
        old = self.rows.get((connection, line["k"]))
        live = old is not None and old.action != "DELETED"
        if line["a"] == "D":
            if old is None or not live:
                return ""
            old.seq, old.action, old.run, old.changed = self._next(), "DELETED", run, at
            return "deleted"
        name = line["fields"]["name"]
        if old is not None and live and old.name == name:
            old.partition = line["p"]
            if old.pruned:
                old.pruned = False
                self.restored.append(line["k"])
            return "unchanged"
        action, first = ("UPDATED", old.first) if old is not None and live else ("ADDED", at)
        self.rows[connection, line["k"]] = Row(name, line["p"], self._next(), action, run, at, first)
        return action.lower()

    def _vanish(
        self,
        connection: str,
        run: str,
        at: float,
        opened: tuple[str, float, int],
        ids: dict[str, set[str]],
        rule_: SnapshotDeletes,
    ) -> tuple[int, Any, str]:
        scope = rule_.partitions
        mine = {
            k: row for (owner, k), row in self.rows.items() if owner == connection and row.action != "DELETED"
        }
        everything = set().union(*ids.values()) if ids else set()
        absent = {
            k: row
            for k, row in mine.items()
            if (scope is None or row.partition in scope)
            and row.seq <= opened[2]
            and (row.changed <= opened[1] or row.run == run)
            and k not in everything
        }
        possible = {k: row for k, row in absent.items() if rule_.only is None or k in rule_.only}
        live = sum(not (row.action == "ADDED" and row.seq > opened[2]) for row in mine.values())
        live -= len(absent) - len(possible)
        read = None if scope is None else scope - rule_.gone
        empty = any(read is None or row.partition in read for row in possible.values()) and not any(
            ids[p] for p in ids if read is None or p in read
        )
        allowed = rule_.accept or (
            rule_.allow_empty if empty else live < FEW or len(possible) <= rule_.max_ratio * live
        )
        if possible and not allowed:
            return 0, (len(possible), live), ""
        due = []
        for k, row in absent.items():
            misses, since, _ = self.missing.pop((connection, k), (0, at, run))
            if k in possible and (rule_.accept or misses + 1 >= rule_.misses):
                due.append(row)
            elif k in possible:
                self.missing[connection, k] = (misses + 1, since, run)
        for row in sorted(due, key=lambda row: row.seq):
            row.seq, row.action, row.run, row.changed = self._next(), "DELETED", run, at
        return len(due), None, "many" if live >= FEW and len(due) > 0.1 * live else ""

    def _next(self) -> int:
        self.seq += 1
        return self.seq


class StoreMachine(RuleBasedStateMachine):
    """Commits of every kind, crashes and windows between them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.desk = Desk(self.folder)
        self.reference = Reference()
        self.windows = 0
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(absence, "SMALL", FEW)

    @initialize()
    def begin(self) -> None:
        """There are some records to lose."""
        self._commit([[put(key, name="x") for key in range(8)]], "acme", "begun", None, None, 0.5)

    def teardown(self) -> None:
        self.patch.undo()
        shutil.rmtree(self.folder)

    @rule(
        staged=files,
        connection=connections,
        state=states,
        removed=st.none() | deletes,
        started=st.sampled_from([0.5, 1.5]),
        history=st.sampled_from([True, True, False]),
    )
    def commit(
        self, staged: Any, connection: str, state: Any, removed: Any, started: float, *, history: bool
    ) -> None:
        """A run that ends in one commit."""
        self._commit(staged, connection, state, removed, None, started, history=history)

    @rule(
        staged=st.tuples(few_lines, few_lines),
        removed=st.tuples(*[st.none() | whole] * 2),
        state=states,
        started=st.sampled_from([0.5, 1.5]),
        history=st.booleans(),
    )
    def commit_together(
        self, staged: Any, removed: Any, state: Any, started: float, *, history: bool
    ) -> None:
        """Runs of two connections that end at the same time."""
        model, parts, commits = replace(self.desk.model, history=history), [], []
        for connection, lines_, rule_ in zip(("acme", "globex"), staged, removed, strict=True):
            commit = self.desk.build(
                [lines_] if lines_ else [],
                sync=self.desk.other(connection=connection),
                model=model,
                started=started,
                deletes=rule_,
                checkpoints={"": state} if connection == "acme" else {},
            )
            at = float(self.desk.hours)
            parts.append(Part(connection, commit.run.id, at, at - started, lines_, rule_))
            commits.append(commit)
        expected = self.reference.commit_together(parts, history=history)
        self.reference.checkpoints |= {"": state}
        if state is None:
            self.reference.checkpoints.pop("")
        found = self.desk.store.commit_all(commits)
        assert [_plain(changes) for changes in found] == expected

    @rule(staged=files, state=states)
    def open_or_continue_a_window(self, staged: Any, state: Any) -> None:
        """A commit in the middle of a complete read, perhaps of a run that resumes another."""
        window = self.reference.window
        if window is None:
            self.windows += 1
        self._commit(staged, "acme", state, None, window[0] if window else f"window {self.windows}", 0.5)

    @precondition(lambda self: self.reference.window is not None)
    @rule(staged=files, removed=deletes)
    def close_the_window(self, staged: Any, removed: Any) -> None:
        """The commit that completes the read."""
        assert self.reference.window is not None
        self._commit(staged, "acme", "done", removed, self.reference.window[0], 0.5)

    @precondition(lambda self: self.reference.window is not None)
    @rule()
    def forget(self) -> None:
        """`--reset`."""
        self.desk.store.forget(self.desk.sync)
        self.reference.window, self.reference.seen, self.reference.checkpoints = None, {}, {}
        mine = [key for key in self.reference.missing if key[0] == "acme"]
        for key in mine:
            del self.reference.missing[key]

    @rule(staged=files, removed=st.none() | deletes, point=points)
    def crash(self, staged: Any, removed: Any, point: str) -> None:
        """A commit that ends in the middle leaves nothing."""

        def fail(at: str) -> None:
            if at == point:
                raise _Crash

        window = self.reference.window
        build = {
            "checkpoints": {"": "crashed"},
            "snapshot": window[0] if window else "crashed",
            "deletes": removed,
        }
        with pytest.raises(_Crash):
            DuckDBStore(self.desk.path, fault=fail).commit(self.desk.build(staged, **build))

    @rule(age=st.integers(0, 4))
    def prune(self, age: int) -> None:
        """What has not changed for so many hours loses its payload, and nothing else."""
        before = START + timedelta(hours=self.desk.hours - age)
        self.desk.store.prune(Retention(payload_before=before), before)
        self.reference.prune(self.desk.hours - age)

    def _commit(
        self,
        staged: Any,
        connection: str,
        state: Any,
        removed: Any,
        snapshot: Any,
        started: float,
        *,
        history: bool = False,
    ) -> None:
        options = {
            "checkpoints": {} if state is None else {"": state},
            "snapshot": snapshot,
            "deletes": removed,
        }
        sync = self.desk.other(connection=connection)
        model = replace(self.desk.model, history=history)
        commit = self.desk.build(staged, sync=sync, model=model, started=started, **options)
        at = float(self.desk.hours)
        if connection != "acme":
            options["checkpoints"] = {}
        options["history"] = history
        flat = [line | {} for lines_ in staged for line in lines_]
        expected = self.reference.commit(connection, commit.run.id, at, at - started, flat, **options)
        changes = self.desk.store.commit(commit)
        assert _plain(changes) == expected
        if self.desk.hours % 3 == 0:  # doing it again, as after a crash that came too late, changes nothing
            assert self.desk.store.commit(commit) == Changes(last_seq=expected.last_seq)

    @invariant()
    def both_tell_the_same(self) -> None:
        """Every record, the feed, the progress and the window."""
        if not self.desk.path.exists():
            return
        with duckdb.connect(str(self.desk.path), read_only=True) as db:
            made = db.execute(
                "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'items__records'"
            ).fetchall()
            stored = db.execute(_RECORDS).fetchall() if made == [(1,)] else []
            live = (
                db.execute("SELECT _connection, name FROM lab.items ORDER BY ALL").fetchall()
                if stored
                else []
            )
            saved = dict(
                db.execute(
                    "SELECT partition, state FROM syncrun.checkpoints WHERE connection = 'acme'"
                ).fetchall()
            )
            windows = db.execute("SELECT id FROM syncrun.snapshots").fetchall()
            left = db.execute("SELECT count(*) FROM syncrun.seen").fetchall()
            missing = db.execute(_MISSING).fetchall()
            past = self.reference.versions and db.execute(_VERSIONS).fetchall()
        rows = sorted(self.reference.rows.items(), key=lambda item: item[1].seq)
        assert stored == [
            (
                *key,
                None if row.pruned else row.name,
                row.partition,
                row.seq,
                row.action,
                row.run,
                row.changed,
                row.first,
            )
            + ((True,) if row.action == "DELETED" else (None,))
            + (row.pruned,)
            for key, row in rows
        ]
        names = [(c, None if r.pruned else r.name) for (c, _), r in rows if r.action != "DELETED"]
        assert live == sorted(names, key=lambda pair: (pair[0], pair[1] is None, pair[1]))
        assert saved == self.reference.checkpoints
        assert past == [
            (*v.key, None if v.pruned else v.name, v.seq, v.action, v.run, v.since, v.until, v.pruned)
            for v in self.reference.versions
        ]
        assert missing == sorted((*key, *told) for key, told in self.reference.missing.items())
        window = self.reference.window
        assert windows == ([(window[0],)] if window else [])
        assert window or left == [(0,)]


_HOURS = "date_diff('minute', TIMESTAMPTZ '2024-06-01 00:00:00+00', {}) / 60"
_MISSING = f"""
    SELECT connection, id, misses, {_HOURS.format("since")}, run_id FROM syncrun.missing ORDER BY ALL
"""
_RECORDS = f"""
    SELECT
        _connection, _id, name, _partition, _seq, _action, _run_id,
        {_HOURS.format("_last_modified_at")}, {_HOURS.format("_first_seen_at")},
        _deleted_at = _last_modified_at, _pruned_at IS NOT NULL
    FROM lab.items__records ORDER BY _seq
"""
_VERSIONS = f"""
    SELECT
        _connection, _id, name, _seq, _action, _run_id,
        {_HOURS.format("_valid_from")}, {_HOURS.format("_valid_to")}, _pruned_at IS NOT NULL
    FROM lab.items__history ORDER BY _seq
"""


def _plain(changes: Any) -> Changes:
    """Return *changes* with what the reference knows of a refusal."""
    refused = changes.refused and (changes.refused.would_delete, changes.refused.live)
    return replace(changes, refused=refused, note="many" if changes.note else "")


SETTINGS = settings(
    max_examples=4, stateful_step_count=8, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_commits_of_every_kind_agree_with_the_model() -> None:
    run_state_machine_as_test(StoreMachine, settings=SETTINGS)


@pytest.mark.slow
def test_many_commits_of_every_kind_agree_with_the_model() -> None:
    run_state_machine_as_test(StoreMachine, settings=settings(SETTINGS, max_examples=30))
