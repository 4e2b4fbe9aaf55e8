"""A changed mapping: a full read applies it to all records, an incremental one says that it cannot."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.lab import Lab

NOTE = (
    "the mapping has changed: records that have not changed since are as they were;"
    " `syncrun run --full acme/events` reads all of them again"
)

EVENTS = """
    syncs:
      events:
        request: {path: /events, params: {since: "${cursor}"}}
        pagination: none
        key: id
        fields:
          id: id
          at: {path: at, type: timestamp}
          name: title
        incremental: {cursor: at}
"""
OTHER = EVENTS.replace("name: title", "name: upper_title")


def api(request: httpx.Request) -> Any:
    """Two events, of which later runs are given the second one."""
    since = request.url.params.get("since", "")
    days = ["2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z"]
    records = [{"id": n, "at": at, "title": f"t{n}", "upper_title": f"T{n}"} for n, at in enumerate(days)]
    return [record for record in records if record["at"] >= since]


@pytest.fixture
def read(lab: Lab) -> Lab:
    """A lab whose events were all read once."""
    lab.write(EVENTS)
    lab.api = api
    assert lab.run().notes == ()
    return lab


def names(lab: Lab) -> list[str]:
    return sorted(row["name"] for row in lab.live())


def test_an_incremental_run_says_that_the_mapping_has_changed_until_all_is_read(read: Lab) -> None:
    read.write(OTHER)
    assert (read.run().notes, names(read)) == ((NOTE,), ["T1", "t0"])
    assert read.run().notes == (NOTE,)
    assert (read.run(full=True).notes, names(read)) == ((), ["T0", "T1"])
    assert read.run().notes == ()


def test_a_dry_run_says_it_too(read: Lab) -> None:
    read.write(OTHER)
    assert read.dry_run().report.notes == (NOTE,)


def test_a_mapping_that_is_changed_back_is_still_told_for_records_were_made_by_the_other(read: Lab) -> None:
    read.write(OTHER)
    read.run()
    read.write(EVENTS)
    assert read.run().notes == (NOTE,)


def test_a_mapping_that_was_changed_back_before_a_run_is_no_change(read: Lab) -> None:
    read.write(OTHER)
    read.write(EVENTS)
    assert read.run().notes == ()


def test_a_full_read_that_is_cut_short_has_not_applied_the_mapping_yet(read: Lab) -> None:
    read.write(OTHER)
    read.run(full=True, limit=1)
    assert read.run().notes == (NOTE,)


def test_starting_from_another_cursor_does_not_make_it_forgotten(read: Lab) -> None:
    read.write(OTHER)
    assert read.run(cursor="2024-05-02T00:00:00Z").notes == (NOTE,)
    assert read.run().notes == (NOTE,)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: title", "name: {path: title, description: What it is called}"),
        ("pagination: none", "pagination: {type: page, size: 100}\n        every: 1h"),
    ],
)
def test_what_makes_no_other_record_is_no_change(read: Lab, before: str, after: str) -> None:
    read.write(EVENTS.replace(before, after))
    assert read.run().notes == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: title", "name: title\n          more: more"),
        ("name: title", "name: {path: title, mask: sha256}"),
        ("key: id", "key: id\n        where: id > `0`"),
        ("key: id", "key: id\n        raw: true"),
        ("key: id", "key: id\n        deletes: {flag: gone}"),
    ],
)
def test_what_decides_on_a_record_is_a_change(read: Lab, before: str, after: str) -> None:
    read.write(EVENTS.replace(before, after))
    assert read.run().notes == (NOTE,)


def test_a_constant_that_a_field_takes_from_the_connection_is_part_of_the_mapping(lab: Lab) -> None:
    yaml = EVENTS.replace("name: title", 'name: "${config.team}"')
    lab.write(f"    config: {{team: {{}}, other: {{default: a}}}}{yaml}")
    lab.api = api
    lab.run(config={"team": "red"})
    assert lab.run(config={"team": "red", "other": "b"}).notes == ()
    assert lab.run(config={"team": "blue"}).notes == (NOTE,)


def test_a_checkpoint_from_before_mappings_were_kept_counts_as_the_same(read: Lab) -> None:
    sync = read.run().sync
    old = {"version": 1, "field": "at", "cursor": "2024-05-02T00:00:00.000000Z"}
    read.store.save_checkpoints(sync, {"": json.dumps(old)}, read.clock.now())
    assert read.run().notes == ()
    read.write(OTHER)
    assert read.run().notes == (NOTE,)


# ── another key ────────────────────────────────────────────────────────────────────────────────────

REKEYED = "the key has changed from id to name: every record becomes another one"
LEFT = (
    "give the sync another `model` to leave them behind,"
    " or `deletes: {snapshot: {every: 30d}}` to have them deleted"
)


def test_a_changed_key_leaves_records_of_before_and_says_how_many(read: Lab) -> None:
    read.write(EVENTS.replace("key: id", "key: name\n        deletes: none"))
    again = "`syncrun run --full acme/events` reads all of them again, and those of before stay live"
    assert (read.run().notes, names(read)) == ((f"{REKEYED}; {again}",), ["t0", "t1", "t1"])
    report = read.run(full=True)
    assert report.notes == (
        f"{REKEYED}, and those of before stay live",
        f"still live by the key of before: 2 records; {LEFT}",
    )
    assert (read.run().notes, names(read)) == ((), ["t0", "t0", "t1", "t1"])
    read.write(EVENTS.replace("key: id", "key: name\n        deletes: {snapshot: {every: 30d}}"))
    assert read.run(full=True).changes.deleted == 2


def test_a_changed_key_deletes_records_of_before_where_complete_reads_find_what_vanished(lab: Lab) -> None:
    weekly = "\n        deletes: {snapshot: {every: 7d}}"
    lab.write(EVENTS.replace("key: id", f"key: id{weekly}"))
    lab.api = api
    lab.run()
    lab.write(EVENTS.replace("key: id", f"key: name{weekly}"))
    then = "a complete read deletes those of before"
    again = f"`syncrun run --full acme/events` reads all of them again, and {then}"
    assert lab.dry_run().report.notes == (f"{REKEYED}; {again}",)
    report = lab.run(full=True)
    assert (report.notes, report.changes.deleted) == ((f"{REKEYED}, and {then}",), 2)
    assert lab.run().notes == ()


def test_a_changed_key_of_a_sync_that_reads_everything_and_deletes_nothing_is_told_too(lab: Lab) -> None:
    plain = EVENTS.replace("        incremental: {cursor: at}\n", "        deletes: none\n")
    lab.write(plain.replace(', params: {since: "${cursor}"}', ""))
    lab.api = api
    assert lab.run().notes == ()
    lab.write(plain.replace(', params: {since: "${cursor}"}', "").replace("key: id", "key: [id, name]"))
    assert [note.partition(":")[0] for note in lab.run().notes] == [
        "the key has changed from id to id, name",
        "still live by the key of before",
    ]
    assert lab.run().notes == ()
