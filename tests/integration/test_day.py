"""A day of a project with cron, on APIs that change and fail: in the end everybody has the truth, once each.

`syncrun run --due` is given every five minutes. Until the afternoon requests fail in every way, the process is
killed, and somebody else has the database open for minutes. The hours without faults have two runs of each
sync: the first may only finish what an earlier one began. `SYNCRUN_DAYS=30` lives through more days.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import duckdb
import httpx
import pytest
import yaml

from syncrun.api import Project
from syncrun.config.schedule import Schedule, parse_interval
from syncrun.engine.outside import Outside
from syncrun.engine.schedule import previous_slot
from syncrun.stores.values.ids import SyncId
from tests.integration.day_api import MIDNIGHT, Api, Time
from tests.project_folder import ProjectFolder

pytestmark = pytest.mark.slow

DAYS = range(1, 1 + int(os.environ.get("SYNCRUN_DAYS", "1")))
AFTERNOON, END = timedelta(hours=15), timedelta(hours=24, minutes=10)

PROJECT = """
database: data.duckdb
commits: {rows: 7}
connections:
  acme: {connector: shop, config: {host: acme.test}}
  beta: {connector: shop, config: {host: beta.test}, syncs: {products: {enabled: false}, stores: {enabled: false}, stock: {enabled: false}}}
  crm: {connector: crm}
"""
SHOP = """
connector: shop
base_url: https://${config.host}
config: {host: {}}
auth: {type: session, request: {path: /login}, token: token, prefix: "Bearer "}
retry: {attempts: 3}
defaults:
  records: items
  key: id
  fields: {id: {path: id, type: integer}, name: name}
syncs:
  products:
    request: /products
    pagination: {type: page, param: page, size: 3}
    history: true
    every: 6h
  stores:
    request: /stores
    pagination: {type: offset, param: offset, size: 3}
    every: 8h
  stock:
    for_each: {sync: stores, as: store}
    request: /stores/${store.id}/stock
    pagination: {type: cursor, token: next, into: params.after, has_more: more}
    key: [store, id]
    fields: {store: {path: "${store.id}", type: integer}, id: {path: id, type: integer}, name: name}
    every: 8h
  orders:
    request: {path: /orders, params: {since: "${cursor}"}}
    pagination: {type: cursor, token: next, into: params.after}
    fields: {id: {path: id, type: integer}, name: name, at: {path: at, type: timestamp}}
    incremental: {cursor: at}
    deletes: {snapshot: {every: 7h}}
    every: 4h
"""
CRM = """
connector: crm
base_url: https://crm.test
retry: {attempts: 3}
defaults:
  records: items
  key: id
  fields: {id: {path: id, type: integer}, name: name, at: {path: at, type: timestamp}}
  incremental: {cursor: at}
  pagination: {type: last_record, token: id, into: params.after, has_more: more}
syncs:
  contacts:
    request: {path: /contacts, params: {since: "${cursor}"}}
    deletes: {flag: gone}
    every: 6h
  deals:
    request: {path: /deals, params: {since: "${cursor}"}}
    deletes: {request: {path: /deals/deleted, params: {since: "${cursor}"}}, records: items}
    every: 8h
"""
SHOP_MODELS, CRM_MODELS = ("products", "stores", "stock", "orders"), ("contacts", "deals")
FEEDS = [
    *(("acme", "shop", model) for model in SHOP_MODELS),
    ("beta", "shop", "orders"),
    *(("crm", "crm", model) for model in CRM_MODELS),
]
SCHEDULES = {
    sync: Schedule(every=parse_interval(definition["every"]))
    for connector in (SHOP, CRM)
    for sync, definition in yaml.safe_load(connector)["syncs"].items()
}
Key = tuple[int, ...]


class Killed(BaseException):
    """The process is gone."""


class Consumer:
    """Somebody who keeps a replica of one model, and reads its change feed now and then, some records a time."""

    def __init__(self, project: ProjectFolder, connection: str, model: str, chance: Random) -> None:
        self.model = f"{connection}/{model}"
        self._project, self._chance = project, chance
        self._cursor = ""
        self.replica: dict[str, str] = {}
        self.looks: list[tuple[int, list[int]]] = []

    def look(self, *, limit: int | None = None) -> None:
        """Read what is new, at most *limit* records."""
        [(newest,)] = self._project.query("SELECT last FROM syncrun.sequence")
        before = self._cursor
        with Project.load(self._project.folder).records(self.model, cursor=before, limit=limit) as records:
            found = list(records)
        self._cursor = records.cursor
        cursors = [before, *(record["_cursor"] for record in found)]
        assert cursors == sorted(set(cursors)), "a position came twice, or out of order"
        self.looks.append((newest, [int(cursor[:16], 16) for cursor in cursors[1:]]))
        for record in found:
            if record["_last_action"] == "DELETED":
                self.replica.pop(record["_id"], None)
            else:
                self.replica[record["_id"]] = record["name"]


class Day:
    """The project, its APIs, and what happens to both from hour to hour."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = Random(seed)
        self.time = Time()
        self.api = Api(self.time, self.chance)
        self.project = ProjectFolder(folder)
        self.project.write("syncrun.yaml", PROJECT)
        self.project.write("connectors/shop.yaml", SHOP)
        self.project.write("connectors/crm.yaml", CRM)
        self.consumers = {feed: Consumer(self.project, feed[0], feed[2], self.chance) for feed in FEEDS}
        self.held: duckdb.DuckDBPyConnection | None = None
        self.statuses: Counter[str] = Counter()
        self.begun: list[tuple[tuple[str, str, str], datetime, str]] = []

    def live_through(self) -> None:
        while self.time.at < MIDNIGHT + END:
            self.time.pass_to(self.time.at + timedelta(minutes=5))
            if self.time.at < MIDNIGHT + AFTERNOON:
                self._disturb()
            else:
                self.api.calm = self.api.weather.calm = True
            if self._cron() and self.held is None and self.project.database.exists():
                self.check_that_nothing_was_lost()
                self._consume()

    def _disturb(self) -> None:
        if self.chance.random() < 0.3:
            self.api.change()

    def _hold(self) -> None:
        """Open the database as somebody else would, for some minutes."""
        if self.held is None and self.project.database.exists():
            self.held = duckdb.connect(str(self.project.database))
            self.time.plan(timedelta(minutes=self.chance.randint(1, 12)), self._let_go)

    def _let_go(self) -> None:
        assert self.held is not None
        self.held.close()
        self.held = None

    def _consume(self) -> None:
        for consumer in self.consumers.values():
            if self.chance.random() < 0.15:
                consumer.look(limit=self.chance.choice([None, None, 1, 4]))

    def _cron(self) -> bool:
        """Run what is due; return whether anything was asked of the APIs."""
        asked = len(self.api.asked)
        try:
            done = self.project.syncrun("run", "--due", "--json", outside=self._outside())
        except Killed:
            self.statuses["killed"] += 1
            return True
        assert done.exit_code in (0, 1, 3, 75), done
        for event in done.events:
            if event["event"] == "run_finished":
                self.statuses[event["status"]] += 1
                if event["status"] == "ok":  # after an incomplete one the next is due at once
                    started = datetime.strptime(event["run"][:15] + "+0000", "%Y%m%dT%H%M%S%z")
                    sync = (event["connection"], event["connector"], event["sync"])
                    self.begun.append((sync, started, event["run"]))
        return len(self.api.asked) > asked

    def _outside(self) -> Outside:
        steps = self.chance.randint(1, 25) if not self.api.calm and self.chance.random() < 0.4 else None

        def fault(_step: str) -> None:
            nonlocal steps
            if steps is not None:
                steps -= 1
                if steps <= 0:  # whatever else the process would do, it does not
                    raise Killed

        def answer(request: httpx.Request) -> httpx.Response:
            fault("request")
            if not self.api.calm and self.chance.random() < 0.03:
                self._hold()
            return self.api.answer(request)

        time, transport = self.time, httpx.MockTransport(answer)
        return Outside(time.now, time.clock, time.wait, self.chance.random, transport, fault)

    # ── what has to be true ────────────────────────────────────────────────────────────────────────

    def truth(self, connection: str, model: str) -> dict[Key, str]:
        """Return the names of what the API has, by key."""
        host = f"{connection}.test"
        if model != "stock":
            return {(n,): record["name"] for n, record in self.api.lists[host, model].records.items()}
        stores = self.api.lists[host, "stores"].records
        return {
            (store, n): record["name"]
            for store in stores
            for n, record in self.api.stock[host, store].records.items()
        }

    def ever_gone(self, connection: str, model: str) -> set[Key]:
        """Return what the API has deleted at some time."""
        host = f"{connection}.test"
        if model != "stock":
            return {(n,) for n in self.api.lists[host, model].ever_gone}
        closed = self.api.lists[host, "stores"].ever_gone
        return {
            (store, n)
            for (_, store), listing in self.api.stock.items()
            for n in listing.records.keys() | listing.gone.keys()
            if store in closed or n in listing.ever_gone
        }

    def check_that_nothing_was_lost(self) -> None:
        """R7: what the API never deleted is not deleted."""
        known = self.project.query("SELECT schema_name, table_name FROM duckdb_tables()")
        stored = [feed for feed in FEEDS if (feed[1], f"{feed[2]}__records") in known]
        deleted = [
            f"SELECT '{connection}', '{model}', _id FROM {connector}.{model}__records"
            f" WHERE _connection = '{connection}' AND _action = 'DELETED'"
            for connection, connector, model in stored
        ]
        for connection, model, identity in self.project.query(" UNION ALL ".join(deleted)) if deleted else ():
            key = tuple(json.loads(identity))
            is_there = key in self.truth(connection, model)
            assert not is_there or key in self.ever_gone(connection, model), (
                f"{connection}/{model} {identity} was deleted, but has never been away"
            )

    def live(self, connection: str, connector: str, model: str) -> dict[Key, str]:
        """Return the names that the view has, by key."""
        key = "store, id" if model == "stock" else "id"
        rows = self.project.query(
            f"SELECT {key}, name FROM {connector}.{model} WHERE _connection = '{connection}'"
        )
        return {tuple(row[:-1]): row[-1] for row in rows}


@pytest.fixture(scope="module", params=DAYS)
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day that is over."""
    day = Day(tmp_path_factory.mktemp("day"), request.param)
    day.live_through()
    for consumer in day.consumers.values():
        consumer.look()
    return day


def test_much_went_wrong(day: Day) -> None:
    assert {"ok", "failed", "killed"} <= day.statuses.keys()
    assert len(set(day.api.weather.struck)) >= 3


def test_every_view_has_what_the_api_has(day: Day) -> None:
    for connection, connector, model in FEEDS:
        assert day.live(connection, connector, model) == day.truth(connection, model), (connection, model)


def test_every_replica_is_the_view(day: Day) -> None:
    for (connection, connector, model), consumer in day.consumers.items():
        replica = {tuple(json.loads(identity)): name for identity, name in consumer.replica.items()}
        assert replica == day.live(connection, connector, model), (connection, model)


def test_a_consumer_gets_each_change_once_unless_a_later_one_stands_for_it(day: Day) -> None:
    versions = day.project.query("SELECT _seq, _id FROM shop.products__history ORDER BY _seq")
    reached = 0
    for newest, positions in day.consumers["acme", "shop", "products"].looks:
        latest = {identity: seq for seq, identity in versions if seq <= newest}
        expected = sorted(seq for seq in latest.values() if seq > reached)
        assert positions == expected[: len(positions)]
        reached = max([reached, *positions])
    assert reached == versions[-1][0]


def test_each_slot_has_one_run(day: Day) -> None:
    """Another follows one that the database knows nothing of, and one that went on with an earlier read."""
    begun = Counter[tuple[SyncId, datetime]]()
    went_on = {run for (run,) in day.project.query("SELECT id FROM syncrun.runs WHERE fresh_at < started_at")}
    for (connection, connector, sync), started, run in day.begun:
        if run in went_on:
            continue
        identity = SyncId(connection, connector, sync)
        begun[identity, previous_slot(identity, SCHEDULES[sync], started)] += 1
    assert {slot: count for slot, count in begun.items() if count > 1} == {}
    for connection, connector, sync in FEEDS:
        identity = SyncId(connection, connector, sync)
        slots = {slot for known, slot in begun if known == identity and slot > MIDNIGHT + AFTERNOON}
        hours = SCHEDULES[sync].every
        assert hours is not None
        assert len(slots) == END // hours - AFTERNOON // hours, identity


def test_runs_and_requests_agree(day: Day) -> None:
    query = day.project.query
    unended = query("SELECT DISTINCT status FROM syncrun.runs WHERE ended_at IS NULL")
    assert unended in ([], [("interrupted",)])
    assert query("SELECT sum(added + updated + deleted) FROM syncrun.runs") == query(
        "SELECT last FROM syncrun.sequence"
    )
    requests = "SELECT run_id, count(*) AS n FROM syncrun.requests GROUP BY run_id"
    assert (
        query(
            f"SELECT id, requests, n FROM syncrun.runs FULL JOIN ({requests}) ON id = run_id"
            " WHERE coalesce(requests, -1) <> coalesce(n, 0) AND coalesce(status, '') <> 'interrupted'"
        )
        == []
    )
    for connection, _, model in FEEDS:
        [(balance,)] = query(
            "SELECT sum(added - deleted) FROM syncrun.runs WHERE connection = $1 AND model = $2",
            connection,
            model,
        )
        assert balance == len(day.truth(connection, model)), (connection, model)
