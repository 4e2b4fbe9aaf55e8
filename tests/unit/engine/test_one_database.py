"""A run belongs to the database that it began with: another one, an older copy or none ends it."""

import gzip
import json
import os
import shutil
from pathlib import Path

import httpx
import pytest

from syncrun.stores.duckdb import DuckDBStore
from tests.lab import ITEMS, Lab, items

PAGES = """
    syncs:
      items:
        request: /items
        pagination: {type: page, size: 2}
        deletes: {misses: 1}
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""
NAMES = ["ann", "bob", "cid", "dan", "eve"]


class Pages:
    """An API of numbered pages, and what happens `while` the second one is read."""

    def __init__(self, *names: str) -> None:
        self.records = items(*names)
        self.meanwhile = lambda: None

    def __call__(self, request: httpx.Request) -> list[dict[str, object]]:
        page = int(request.url.params.get("page", 1))
        if page == 2:
            act, self.meanwhile = self.meanwhile, lambda: None
            act()
        return self.records[2 * page - 2 : 2 * page]


@pytest.fixture
def api() -> Pages:
    return Pages(*NAMES)


@pytest.fixture
def lab(tmp_path: Path, api: Pages) -> Lab:
    return Lab(tmp_path, PAGES, api)


def elsewhere(lab: Lab, folder: str, *names: str) -> Path:
    """Return a database that another project has filled with records of equal names."""
    place = lab.folder / folder
    place.mkdir()
    other = Lab(place, PAGES, Pages(*names))
    assert other.run().status == "ok"
    return other.database


def put(source: Path, target: Path) -> None:
    """Restore *source* as people do: by copying it over what is there."""
    shutil.copyfile(source, target)


def staged(lab: Lab) -> list[str]:
    folder = lab.database.with_name("lab.duckdb.staging")
    return sorted(str(path.parent.relative_to(folder)) for path in folder.rglob("commit.json"))


def test_another_database_in_mid_run_ends_the_run_and_stays_as_it_was(lab: Lab, api: Pages) -> None:
    lab.run()
    other = elsewhere(lab, "other", *(f"other {n}" for n in range(40)))
    api.meanwhile = lambda: put(other, lab.database)
    report = lab.run()
    assert (report.status, report.message, report.hint) == (
        "failed",
        f"{lab.database}: this is another database than the one that the run began with",
        "run again to go on with this one, or put the one back that was there",
    )
    folder = lab.database.with_name("lab.duckdb.staging") / "acme.lab.items" / report.run_id
    assert report.notes == (
        f"what was read is staged in {folder}: only the database that it was read for takes it",
    )
    assert len(lab.live()) == 40
    assert lab.rows("SELECT count(*) FROM syncrun.runs") == [(1,)]


def test_what_was_read_for_another_database_is_put_aside_by_the_next_run(lab: Lab, api: Pages) -> None:
    lab.run()
    other = elsewhere(lab, "other", *(f"other {n}" for n in range(6)))
    api.meanwhile = lambda: put(other, lab.database)
    failed = lab.run()
    report = lab.run()
    kept = lab.database.with_name("lab.duckdb.staging") / "aside" / "acme.lab.items" / failed.run_id
    assert report.status == "ok"
    assert report.notes[0] == (
        f"what run {failed.run_id} had staged was read for another database than the one that is here now:"
        f" it is not committed, and kept in {kept}, to be removed by hand"
    )
    assert (kept / "commit.json").exists()
    assert lab.run().notes == ()  # it is said once


def test_what_was_read_is_committed_once_its_database_is_back(lab: Lab, api: Pages) -> None:
    lab.run()
    own = lab.folder / "own.duckdb"
    put(lab.database, own)
    other = elsewhere(lab, "other", "x")
    api.records = items("ann", "bob", "cid", "dan")
    api.meanwhile = lambda: put(other, lab.database)
    failed = lab.run()
    put(own, lab.database)
    lab.requests.clear()
    report = lab.run(limit=1)
    assert report.notes == (f"committed what run {failed.run_id} had staged",)
    assert [record["name"] for record in lab.live()] == ["ann", "bob", "cid", "dan"]
    assert staged(lab) == []


def test_an_older_copy_in_mid_run_ends_the_run(lab: Lab, api: Pages) -> None:
    lab.run()
    old = lab.folder / "old.duckdb"
    put(lab.database, old)
    api.records = items("ann")
    lab.run(accept_deletes=True)
    api.meanwhile = lambda: put(old, lab.database)
    api.records = items("ann", "bob", "cid", "dan")
    report = lab.run()
    assert (report.status, report.message) == (
        "failed",
        f"{lab.database}: this is an older copy of the database that the run began with",
    )
    assert len(lab.live()) == len(NAMES)
    # it is this project's database: its history says what happened
    [(status, message)] = lab.rows(
        "SELECT status, message FROM syncrun.runs ORDER BY started_at DESC LIMIT 1"
    )
    assert (status, message) == ("failed", report.message)


def test_an_older_copy_is_known_by_its_commits_and_not_by_how_many_it_has(tmp_path: Path) -> None:
    api = Pages(*NAMES)
    lab = Lab(tmp_path, PAGES + PAGES.partition("syncs:\n")[2].replace("items:", "others:", 1), api)
    lab.run("items")
    old = lab.folder / "old.duckdb"
    put(lab.database, old)
    lab.run("items")

    def restore_and_go_on() -> None:
        put(old, lab.database)
        for _ in range(3):
            assert lab.run("others").status == "ok"

    api.meanwhile = restore_and_go_on
    report = lab.run("items")
    assert report.message == f"{lab.database}: this is an older copy of the database that the run began with"


def test_a_database_that_is_removed_in_mid_run_is_not_made_anew(lab: Lab, api: Pages) -> None:
    lab.run()
    api.meanwhile = lab.database.unlink
    report = lab.run()
    assert (report.status, report.message, report.hint) == (
        "failed",
        f"{lab.database}: the database that the run began with is not there any more",
        "put it back; without it the next run makes a new one and reads everything",
    )
    assert not lab.database.exists()
    assert [note.partition(" ")[0] for note in lab.run().notes] == ["what"]
    assert len(lab.live()) == len(NAMES)


def test_a_first_run_has_a_database_that_can_be_removed_too(lab: Lab, api: Pages) -> None:
    api.meanwhile = lab.database.unlink
    assert lab.run().message == f"{lab.database}: the database that the run began with is not there any more"
    assert not lab.database.exists()


def test_a_database_that_is_put_where_a_first_run_began_is_another_one(lab: Lab, api: Pages) -> None:
    other = elsewhere(lab, "other", *(f"other {n}" for n in range(40)))
    api.meanwhile = lambda: put(other, lab.database)
    assert (
        lab.run().message == f"{lab.database}: this is another database than the one that the run began with"
    )
    assert len(lab.live()) == 40


def test_a_run_is_bound_between_its_own_commits_too(lab: Lab, api: Pages) -> None:
    begun = lab.folder / "begun.duckdb"
    steps = []

    def put_back(step: str) -> None:
        steps.append(step)
        if steps.count("settled") == 1 and step == "settled":
            put(begun, lab.database)

    lab.run(limit=1)
    put(lab.database, begun)
    report = lab.run(commit_rows=1, fault=put_back)
    assert report.message == f"{lab.database}: this is an older copy of the database that the run began with"


def test_compacting_and_other_runs_are_no_reason_to_end(tmp_path: Path) -> None:
    api = Pages(*NAMES)
    lab = Lab(tmp_path, PAGES + PAGES.partition("syncs:\n")[2].replace("items:", "others:", 1), api)
    lab.run("items")

    def meanwhile() -> None:
        assert lab.run("others").status == "ok"
        lab.store.compact()

    api.meanwhile = meanwhile
    assert lab.run("items").status == "ok"
    assert lab.rows("SELECT count(DISTINCT value) FROM syncrun.meta WHERE name = 'identity'") == [(1,)]


def test_a_published_copy_that_takes_the_place_of_the_database_is_the_same_one(lab: Lab, api: Pages) -> None:
    lab.store = DuckDBStore(lab.database, copy=lab.folder / "read.duckdb")
    lab.run()

    def swap() -> None:
        lab.database.unlink()
        shutil.copyfile(lab.folder / "read.duckdb", lab.database)

    api.meanwhile = swap
    api.records = items("ann", "bob", "cid", "dan")
    assert lab.run().status == "ok"
    assert len(lab.live()) == 4


def test_another_database_is_published_although_it_has_as_many_changes(lab: Lab, api: Pages) -> None:
    lab.store = DuckDBStore(lab.database, copy=lab.folder / "read.duckdb")
    lab.run()
    put(elsewhere(lab, "other", "v", "w", "x", "y", "z"), lab.database)
    api.records = items("v", "w", "x", "y", "z")
    assert lab.run().changes.unchanged == 5
    copy = DuckDBStore(lab.folder / "read.duckdb")
    assert [name for (name,) in copy.query("SELECT name FROM lab.items ORDER BY id").rows] == list("vwxyz")


def test_staged_commits_of_the_version_before_say_nothing_of_a_database_and_are_taken(lab: Lab) -> None:
    lab.run()

    def stop(step: str) -> None:
        if step == "staged":
            raise KeyboardInterrupt

    lab.api = lambda _request: items("ann", "bob")
    with pytest.raises(KeyboardInterrupt):
        lab.run(fault=stop)
    [manifest] = lab.database.with_name("lab.duckdb.staging").rglob("commit.json")
    commit = json.loads(manifest.read_text())
    for name in ("basis", "home", "home_before"):
        del commit[name]
    manifest.write_text(json.dumps(commit))
    assert lab.run(limit=1).notes[0].startswith("committed what run")


def test_a_database_without_an_identity_gets_one_when_a_run_begins(lab: Lab, api: Pages) -> None:
    old = Path(__file__).parents[1] / "stores" / "version-1.duckdb.gz"
    lab.database.write_bytes(gzip.decompress(old.read_bytes()))
    other = elsewhere(lab, "other", *NAMES)
    api.meanwhile = lambda: put(other, lab.database)
    report = lab.run(connection="beta")
    assert report.message == f"{lab.database}: this is another database than the one that the run began with"


# ── locks ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    lab = Lab(tmp_path, ITEMS, lambda _request: items("ann"))
    lab.run()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    lock = tmp_path / "lab.duckdb.locks" / "acme.lab.items.lock"
    lock.unlink()
    lock.symlink_to(precious)
    report = lab.run()
    assert (report.status, report.message, report.hint) == (
        "failed",
        f"{lock} is a symbolic link: nothing is written through it",
        "remove it; it is made anew",
    )
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_a_lock_that_is_no_file_is_refused(tmp_path: Path, make) -> None:
    lab = Lab(tmp_path, ITEMS, lambda _request: items("ann"))
    (tmp_path / "lab.duckdb.locks").mkdir()
    make(tmp_path / "lab.duckdb.locks" / "acme.lab.items.lock")
    report = lab.run()
    assert report.status == "failed"
    assert report.hint == "remove it; it is made anew"
