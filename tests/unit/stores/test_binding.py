"""What a commit relies on, as the store sees it: the database, and the project of its connection."""

from dataclasses import replace

import duckdb
import pytest

from syncrun.errors import OtherDatabaseError, OtherProjectError, StoreError
from syncrun.stores.values.basis import Basis, Home
from tests.unit.stores.desk import Desk, put

ONE, TWO = Home("/srv/one", "/srv/data.duckdb"), Home("/srv/two", "/srv/data.duckdb")


def commits(desk: Desk) -> list[int]:
    return [number for (number,) in desk.rows("SELECT number FROM syncrun.commits ORDER BY number")]


def test_each_commit_has_a_number_and_a_mark_of_its_own(desk: Desk) -> None:
    first, second = desk.commit(put(1)).basis, desk.commit(put(2)).basis
    assert first is not None
    assert second is not None
    assert (first.commit, second.commit) == (1, 2)
    assert first.identity == second.identity
    assert first.mark != second.mark
    assert desk.store.bind(desk.now) == second


def test_a_commit_done_again_is_one_commit(desk: Desk) -> None:
    commit = desk.build([[put(1)]])
    assert desk.store.commit(commit).basis == desk.store.commit(commit).basis
    assert commits(desk) == [1]


def test_databases_have_different_identities(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    a, b = Desk(tmp_path / "a"), Desk(tmp_path / "b")
    assert a.store.bind(a.now).identity != b.store.bind(b.now).identity


def test_old_commits_are_forgotten_and_a_long_run_still_fits(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr("syncrun.stores.binding._KEPT", 2)
    monkeypatch.setattr("syncrun.stores.binding._TIDY_EVERY", 2)
    begun = desk.commit(put(1)).basis
    for key in range(2, 7):
        desk.commit(put(key))
    assert commits(desk) == [5, 6]
    assert desk.store.commit(desk.build([[put(9)]], basis=begun)).added == 1


@pytest.mark.parametrize("change", [{"identity": "other"}, {"commit": 2}, {"mark": "other"}])
def test_nothing_is_committed_to_another_database_also_not_together_with_others(
    desk: Desk, change: dict[str, object]
) -> None:
    basis = desk.commit(put(1)).basis
    assert basis is not None
    wrong = desk.build([[put(2)]], basis=replace(basis, **change), sync=desk.other(connection="b"))
    right = [desk.build([[put(n)]], basis=basis, sync=desk.other(connection=f"c{n}")) for n in (1, 2)]
    results = desk.store.commit_all([wrong, *right])
    assert isinstance(results[0], OtherDatabaseError)
    assert [result.added for result in results[1:]] == [1, 1]
    assert desk.rows("SELECT count(*) FROM lab.items WHERE _connection = 'b'") == [(0,)]


def test_a_foreign_file_is_not_even_upgraded(desk: Desk) -> None:
    basis = desk.commit(put(1)).basis
    desk.path.unlink()
    with duckdb.connect(str(desk.path)) as db:
        db.execute("CREATE TABLE mine (a INTEGER)")
    with pytest.raises(OtherDatabaseError, match="this is another database"):
        desk.store.commit(desk.build([[put(2)]], basis=basis))
    with duckdb.connect(str(desk.path)) as db:
        assert db.execute(
            "SELECT count(*) FROM duckdb_schemas() WHERE schema_name = 'syncrun'"
        ).fetchall() == [(0,)]


def test_a_file_that_is_replaced_while_it_is_written_to_is_noticed(desk: Desk) -> None:
    basis = desk.commit(put(1)).basis

    def swap(step: str) -> None:
        if step == "state":
            desk.path.rename(desk.folder / "away.duckdb")
            desk.path.write_bytes((desk.folder / "away.duckdb").read_bytes())

    other = Desk(desk.folder, fault=swap)
    with pytest.raises(OtherDatabaseError, match="was replaced while the run wrote to it"):
        other.store.commit(desk.build([[put(2)]], basis=basis))


def test_a_connection_is_registered_with_its_project_and_stays_there(desk: Desk) -> None:
    desk.store.commit(desk.build([[put(1)]], home=ONE))
    assert desk.store.saved(desk.sync, "items").home == ONE
    with pytest.raises(OtherProjectError, match="in /srv/one"):
        desk.store.commit(desk.build([[put(2)]], home=TWO))
    desk.store.commit(desk.build([[put(2)]], home=TWO, home_before=ONE))
    assert desk.store.saved(desk.sync, "items").home == TWO


def test_commits_that_are_done_together_register_and_respect_projects(desk: Desk) -> None:
    a, b, c = (desk.other(connection=name) for name in "abc")
    desk.store.commit(desk.build([[put(1)]], home=ONE, sync=c))
    results = desk.store.commit_all([desk.build([[put(1)]], home=TWO, sync=sync) for sync in (a, b, c)])
    assert [isinstance(result, StoreError) for result in results] == [False, False, True]
    assert [desk.store.saved(sync, "items").home for sync in (a, b, c)] == [TWO, TWO, ONE]


def test_a_run_that_commits_nothing_is_not_recorded_in_another_database(desk: Desk) -> None:
    desk.commit(put(1))
    run = desk.build([]).run
    with pytest.raises(OtherDatabaseError):
        desk.store.record_run(run, basis=Basis("other"))
    assert len(desk.rows("SELECT id FROM syncrun.runs")) == 1
