"""What `where` keeps out is counted, and told where it was everything."""

from __future__ import annotations

from tests.lab import Lab, items

FILTERED = """
    syncs:
      items:
        request: /items
        pagination: none
        where: name != 'b'
        key: id
        fields: {id: {path: id, type: integer}, name: name}
"""


def test_what_where_keeps_out_is_counted(lab: Lab) -> None:
    lab.write(FILTERED)
    lab.api = lambda _: items("a", "b", "b")
    report = lab.run()
    assert (report.records, report.filtered, report.changes.added, report.notes) == (3, 2, 1, ())
    assert report.to_json()["filtered"] == 2


def test_a_where_that_keeps_nothing_is_told(lab: Lab) -> None:
    lab.write(FILTERED)
    lab.api = lambda _: items("b", "b")
    report = lab.run()
    assert (report.status, report.filtered) == ("ok", 2)
    assert report.notes == ("where (name != 'b') kept none of 2 records",)
    lab.api = lambda _: []
    assert lab.run().notes == ()
