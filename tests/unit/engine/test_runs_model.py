"""Runs of every kind, with everything that goes wrong, against a model that is a dict."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from syncrun.engine.report import RunReport
from syncrun.errors import LockedError
from syncrun.stores.duckdb import DuckDBStore
from syncrun.stores.values.commit import Changes, Commit
from tests.lab import Lab
from tests.unit.engine.world import KINDS, Item, Kind, World

SETTINGS = settings(
    max_examples=4,
    stateful_step_count=12,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


class Killed(BaseException):  # the process is gone
    pass


class HeldStore(DuckDBStore):
    """A store whose file somebody holds when a commit is tried for the *held_at*-th time."""

    held_at: int | None = None
    tried = 0

    def commit(self, commit: Commit) -> Changes:
        self.tried += 1
        if self.tried == self.held_at:
            raise LockedError("the database is held")
        return super().commit(commit)


@dataclass(frozen=True)
class Row:
    """A stored record."""

    place: str
    v: int | None
    seq: int
    modified: Any

    @property
    def live(self) -> bool:
        return self.v is not None


Rows = dict[int, Row]


@dataclass(frozen=True)
class Stored:
    """What the database holds: records by id, the feed's position, cursors by partition, the others' records."""

    rows: Rows
    last_seq: int
    cursors: dict[str, str | None]
    other: list[str]


GONE: int | None = None

CHANGE = st.tuples(
    st.sampled_from(["put", "put", "put", "put", "remove", "remove", "close", "spoil"]),
    st.integers(0, 2),
    st.integers(1, 7),
)


@dataclass(frozen=True)
class Plan:
    """How a run is asked for, and what happens to it."""

    commit_rows: int = 1000
    options: tuple[str, ...] = ()
    broken_at: int | None = None
    killed_at: tuple[str, int] | None = None
    held_at: int | None = None
    down: tuple[tuple[int, int], ...] = ()
    late: bool = False
    meddling: tuple[tuple[int, Any], ...] = ()


def planned(fault: dict[str, Any], commit_rows: int, options: tuple[str, ...], late: bool) -> Plan:
    return Plan(**{"commit_rows": commit_rows, "options": options, "late": late, **fault})


SOON = st.integers(1, 6)
FAULTS: dict[str, st.SearchStrategy[Any]] = {
    "broken_at": SOON,
    "killed_at": st.tuples(st.sampled_from(["page", "staged", "committed"]), st.integers(1, 4)),
    "held_at": st.integers(1, 3),
    "down": st.lists(st.tuples(st.integers(0, 2), st.sampled_from([403, 404])), min_size=1, max_size=2).map(
        tuple
    ),
    "meddling": st.lists(st.tuples(SOON, CHANGE), min_size=1, max_size=4).map(tuple),
}
FAULT = st.sampled_from(sorted(FAULTS)).flatmap(lambda name: st.fixed_dictionaries({name: FAULTS[name]}))
OPTION = st.sampled_from([(), (), (), ("full",), ("reset",), ("limit",), ("accept_deletes",)])
PLAN = st.builds(
    planned, st.just({}) | FAULT | FAULT, st.sampled_from([1, 1, 3, 1000]), OPTION, st.booleans()
)
CHANGES = st.lists(CHANGE, max_size=4)


class RunsModel(RuleBasedStateMachine):
    """The API's truth, what was stored before a run, and what must therefore be stored after it."""

    @initialize(
        kind=st.sampled_from(KINDS),
        first=st.lists(CHANGE, min_size=3, max_size=9),
        behind=st.sampled_from([0, 3, -3]),
    )
    def begin(self, kind: Kind, first: list[Any], behind: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.kind = kind
        note(f"kind: {kind.name}")
        self.lab = Lab(Path(self.folder.name), kind.yaml)
        self.lab.store = self.store = HeldStore(self.lab.database)
        self.world = World(kind, self.lab.clock)
        self.world.behind = behind
        self.lab.api = self.world
        # What an id may be: every state that it has had since its place was last read from a clean start.
        self.states: dict[int, set[int | None]] = {}
        self.unread: set[str] = set()  # places whose last enumeration was cut short or changed under way
        self.pending = False
        self.slipped = False  # something was removed from numbered pages while they were read
        self.parents: tuple[str, ...] = ()
        for change in first:
            self._change(change)
        self._run_parents("other")
        self.lab.run("items", connection="other")
        self.stored = self._stored()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.world.heal()
            for _ in range(2):  # the first one may only finish what was begun
                self._run_and_judge(Plan())
            self._judge_the_end()
            self.folder.cleanup()

    def _judge_the_end(self) -> None:
        """R13: nothing that changed while it was read is missed for ever, once the API stands still."""
        for _ in range(3):
            self.lab.clock.advance(minutes=5)
            self._run_and_judge(Plan())
        if self.slipped and self.kind.shifts:
            return  # nothing tells a reader of numbered pages that a record is gone
        for number, item in self._truth().items():
            if item.bad:
                continue
            row = self.stored.rows.get(number)
            found = row.v if row is not None else GONE
            assert found == (item.v if item.open else GONE), f"{number} is {found} for ever, not {item}"

    # ── the API changes ────────────────────────────────────────────────────────────────────────────

    def _change(self, change: tuple[str, int, int]) -> None:
        action, where, number = change
        place = sorted(self.world.places)[where % len(self.world.places)]
        identity = number + (10 * "abc".index(place) if place else 0)
        if action == "remove":
            self.world.remove(place, identity)
        else:
            marks = {"put": {"open": True, "bad": False}, "close": {"open": False}, "spoil": {"bad": True}}
            self.world.put(place, identity, **marks[action])
        self._remember(place, identity)

    def _meddle(self, changes: list[Any]) -> None:
        """Change something while it is read; a time that is written in whole seconds goes on meanwhile."""
        for change in changes:
            self.slipped |= change[0] == "remove"
            self._change(change)
            self.lab.clock.advance(seconds=0.4)

    def _remember(self, place: str, identity: int) -> None:
        item = self.world.places.get(place, {}).get(identity)
        states = self.states.setdefault(identity, {GONE})
        if item is None or not item.open:
            states.add(GONE)
        elif not item.bad:  # a bad version leaves what is stored as it is
            states.add(item.v)

    @rule(nameless=st.integers(0, 3), repeats=st.booleans())
    def records_get_odd(self, nameless: int, repeats: bool) -> None:
        self.world.nameless, self.world.repeats = nameless, repeats

    @rule(days=st.sampled_from([1, 8]))
    def time_passes(self, days: int) -> None:
        self.lab.clock.advance(days=days)

    @precondition(lambda self: self.kind.partitioned)
    @rule(where=st.integers(0, 2))
    def a_parent_leaves_or_comes_back(self, where: int) -> None:
        place = "abc"[where]
        here, away = self.world.places, self.world.away
        if place in here and len(here) > 1:
            away[place] = here.pop(place)
            for identity in away[place]:
                self.states[identity].add(GONE)
        elif place in away:
            here[place] = away.pop(place)
            for identity in here[place]:
                self._remember(place, identity)

    @precondition(lambda self: self.kind.name == "token")
    @rule()
    def the_token_expires(self) -> None:
        self.world.oldest_token = len(self.world.log)

    # ── runs ───────────────────────────────────────────────────────────────────────────────────────

    @rule(changes=CHANGES, plan=PLAN)
    def a_run(self, changes: list[Any], plan: Plan) -> None:
        for change in changes:
            self._change(change)
        self._run_and_judge(plan)

    @rule(changes=CHANGES, then=CHANGES, plan=PLAN)
    def a_run_and_one_that_goes_on(self, changes: list[Any], then: list[Any], plan: Plan) -> None:
        self.a_run(changes, plan)
        self.a_run(then, Plan(commit_rows=plan.commit_rows))

    def _run_and_judge(self, plan: Plan) -> None:
        self._run_parents("acme")
        before = self.stored
        report = self._run(plan)
        after = self.stored = self._stored()
        note(f"{plan} → {report and (report.status, report.mode, report.message, report.notes)}")
        self._judge_events(before, after, plan)
        for place in {*self.world.places, *self.world.away}:
            self._judge_place(place, plan, report, before.rows, after.rows)
        self._judge_cursors(after)
        assert after.other == before.other, "another connection was touched (R9)"
        self.pending = report is None or report.status == "locked"

    def _run_parents(self, connection: str) -> None:
        if self.kind.partitioned and (connection, *self.world.places) != self.parents:
            self.parents = (connection, *self.world.places)
            assert self.lab.run("parents", connection=connection, accept_deletes=True).status == "ok"
            if connection == "acme":
                self.stored = self._stored()

    def _run(self, plan: Plan) -> RunReport | None:
        """Run once; None when the process was killed."""
        world, places = self.world, sorted(self.world.places)
        world.heal()
        world.broken_at, world.late = plan.broken_at, plan.late
        world.down = {places[where % len(places)]: status for where, status in plan.down} if places[0] else {}
        changes: dict[int, list[Any]] = {}
        for number, change in plan.meddling:
            changes.setdefault(number, []).append(change)
        for number, some in changes.items():
            world.at_request[number] = partial(self._meddle, some)
        self.store.tried, self.store.held_at = 0, plan.held_at
        options = {name: 2 if name == "limit" else True for name in plan.options}
        try:
            return self.lab.run(
                "items", commit_rows=plan.commit_rows, fault=_killing(plan.killed_at), **options
            )
        except Killed:
            return None
        finally:
            self.store.held_at = None

    # ── what must be true after a run ──────────────────────────────────────────────────────────────

    def _truth(self) -> dict[int, Item]:
        return {n: item for items in self.world.places.values() for n, item in items.items()}

    def _judge_events(self, before: Stored, after: Stored, plan: Plan) -> None:
        """Each change is one event with a position of its own; what did not change is not touched."""
        old, new = before.rows, after.rows
        assert old.keys() <= new.keys()
        changed = {n for n, row in new.items() if n not in old or old[n].v != row.v}
        touched = {n for n, row in new.items() if n not in old or old[n].seq != row.seq}
        assert changed <= touched
        if not self.pending and not plan.meddling:
            assert changed == touched, f"touched without a change: {touched - changed}"
            assert after.last_seq - before.last_seq == len(changed)
        assert all(before.last_seq < new[n].seq <= after.last_seq for n in touched)
        assert len({row.seq for row in new.values()}) == len(new)
        assert all(new[n].modified == old[n].modified for n in old.keys() - touched)

    def _judge_place(
        self, place: str, plan: Plan, report: RunReport | None, before: Rows, after: Rows
    ) -> None:
        was_unread = place in self.unread
        read = report is not None and report.status in ("ok", "incomplete") and plan.options != ("limit",)
        complete = read and place not in self.world.failed and self._is_complete(report)
        if not complete or plan.meddling:
            self.unread.add(place)
        else:
            self.unread.discard(place)
        mine = {n for n, row in {**before, **after}.items() if row.place == place}
        items = self.world.places.get(place)
        if items is None:
            items = {}
            self.unread.discard(place)
        if complete and not was_unread and not plan.meddling:
            self._judge_strictly(place, items, mine | items.keys(), report, before, after)
        else:
            # a record that goes while numbered pages are read hides another one from any reader
            hidden = self.kind.shifts and bool(plan.meddling)
            self._judge_loosely(items, mine, before, after, hidden=hidden)
            if report is not None and report.status != "ok" and not was_unread and not self.pending:
                self._judge_unfinished(place, items, mine, before, after)

    def _is_complete(self, report: RunReport | None) -> bool:
        return report is not None and (report.status == "ok" or bool(self.world.failed))

    def _judge_strictly(
        self,
        place: str,
        items: dict[int, Item],
        mine: set[int],
        report: RunReport | None,
        before: Rows,
        after: Rows,
    ) -> None:
        assert report is not None
        for number in sorted(mine):
            item, known = items.get(number), before[number].v if number in before else GONE
            found = after[number].v if number in after else GONE
            expected = known
            if item is not None and (not item.open or not item.bad):
                expected = item.v if item.open else GONE
            if item is None and self._notices(place, report):
                expected = GONE
            assert found == expected, f"{number} in {place!r} is {found}, not {expected}"
            self.states[number] = {expected} if item is not None else {expected, GONE}

    def _notices(self, place: str, report: RunReport) -> bool:
        """Tell whether a run like that finds what was deleted in *place*."""
        finds = self.kind.finds
        if place not in self.world.places:
            return True  # its parent took its leave in a read of its own
        return finds in {"each", "told"} or (finds == "full" and report.mode == "full")

    def _judge_loosely(
        self, items: dict[int, Item], mine: set[int], before: Rows, after: Rows, *, hidden: bool
    ) -> None:
        """Whatever happened: nothing was made up, nothing deleted that was there all the time."""
        for number in mine:
            found = after[number].v if number in after else GONE
            known = before[number].v if number in before else GONE
            possible = self.states.get(number, set()) | {known, -1}
            assert found in possible or number not in items, (
                f"{number} is {found}, but was only ever {possible}"
            )
            if GONE not in self.states.get(number, {GONE}) and not hidden:
                assert found is not GONE or known is GONE, f"{number} was deleted, but has never been away"

    def _judge_unfinished(
        self, place: str, items: dict[int, Item], mine: set[int], before: Rows, after: Rows
    ) -> None:
        """R7: a run that is not complete finds nothing missing."""
        if self.kind.finds not in ("each", "full"):
            return
        for number in mine - items.keys():
            assert after[number].live == before[number].live, f"{number} was deleted by an unfinished run"

    def _judge_cursors(self, after: Stored) -> None:
        """R12: no cursor is ahead of the records."""
        for place, items in self.world.places.items() if self.kind.cursor else ():
            cursor = after.cursors.get(f'["{place}"]' if place else "") or ""
            for number, item in items.items():
                if item.at[:19] < cursor[:19] and item.open and not item.bad:
                    assert number in after.rows, f"{number} is older than the cursor, but was never stored"
                    assert after.rows[number].v in (item.v, -1), (
                        f"{number} changed before the cursor, but is old"
                    )

    def _stored(self) -> Stored:
        ((last_seq, cursors, records),) = self.lab.rows("""
            SELECT
                (SELECT last FROM syncrun.sequence),
                (SELECT list((partition, state->>'cursor')) FROM syncrun.checkpoints
                    WHERE connection = 'acme' AND sync = 'items'),
                (SELECT list(r ORDER BY r._seq) FROM lab.items__records AS r)
        """)
        found = [record for record in records or () if record["_connection"] == "acme"]
        rows = {
            int(json.loads(r["_id"])[0]): Row(
                "".join(json.loads(r["_partition"] or "[]")),
                GONE if r["_action"] == "DELETED" else r["v"],
                r["_seq"],
                r["_last_modified_at"],
            )
            for r in found
        }
        other = [str(record) for record in records or () if record["_connection"] != "acme"]
        return Stored(rows, last_seq, dict(cursors or ()), other)


def _killing(at: tuple[str, int] | None) -> Callable[[str], None]:
    """Return a fault that ends the process when a step is reached for the n-th time."""
    reached: list[str] = []

    def fault(step: str) -> None:
        reached.append(step)
        if at is not None and step == at[0] and reached.count(step) == at[1]:
            raise Killed

    return fault


def test_r01_to_r18_runs_of_every_kind_agree_with_the_model() -> None:
    run_state_machine_as_test(RunsModel, settings=SETTINGS)


@pytest.mark.slow
def test_r01_to_r18_many_runs_of_every_kind_agree_with_the_model() -> None:
    run_state_machine_as_test(RunsModel, settings=settings(SETTINGS, max_examples=20))
