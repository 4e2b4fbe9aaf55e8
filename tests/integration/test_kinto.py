"""Syncs from a real Kinto server, compared with the server's own answers."""

from __future__ import annotations

from tests.integration.kinto_bucket import PASSWORD, KintoBucket
from tests.project_folder import ProjectFolder

TASKS = 130


def task(number: int) -> dict[str, object]:
    return {"n": number, "title": f"Aufgabe № {number} 🗒", "done": number % 5 == 0}


def fill(bucket: KintoBucket) -> None:
    bucket.put(**{f"t{number:03}": task(number) for number in range(TASKS)})


def assert_same(project: ProjectFolder, table: str, bucket: KintoBucket, *, open_only: bool = False) -> None:
    """Compare every value in *table* with the server's own."""
    wanted = [
        {
            "id": name,
            "title": data.get("title"),
            "number": data.get("n"),
            "done": data.get("done"),
            "last_modified": data["last_modified"],
        }
        for name, data in sorted(bucket.all().items())
        if not (open_only and data.get("done"))
    ]
    assert project.records(f"kinto.{table}", order="id") == wanted


def test_every_record_arrives_although_the_server_gives_shorter_pages_than_asked(
    kinto_project: ProjectFolder, bucket: KintoBucket
) -> None:
    fill(bucket)

    outcome = kinto_project.run("team/all_tasks", "team/tasks")

    assert bucket.count() == TASKS
    assert outcome.counts("all_tasks") == (TASKS, 0, 0, 0)
    assert outcome.counts("tasks") == (TASKS, 0, 0, 0)
    # 100 were asked for, 40 came; 25 were asked for, 25 came
    assert outcome.reports["all_tasks"]["pages"] == 4
    assert outcome.reports["tasks"]["pages"] == 6
    assert_same(kinto_project, "all_tasks", bucket)
    assert_same(kinto_project, "tasks", bucket)


def test_an_incremental_run_reads_only_what_changed_and_its_tombstones(
    kinto_project: ProjectFolder, bucket: KintoBucket
) -> None:
    fill(bucket)
    kinto_project.run("team/tasks")

    bucket.patch("t002", title="new title")
    bucket.delete("t001", "t129")
    bucket.put(t500={"n": 500, "title": "new"})
    outcome = kinto_project.run("team/tasks")

    assert outcome.counts("tasks") == (1, 1, 2, 0)
    assert outcome.reports["tasks"]["records"] == 4
    assert outcome.reports["tasks"]["mode"] == "incremental"
    assert_same(kinto_project, "tasks", bucket)
    # the last payload of a deleted record stays
    deleted = "SELECT id, title, number, _action FROM kinto.tasks__records WHERE _deleted_at IS NOT NULL"
    assert kinto_project.query(f"{deleted} ORDER BY id") == [
        ("t001", "Aufgabe № 1 🗒", 1, "DELETED"),
        ("t129", "Aufgabe № 129 🗒", 129, "DELETED"),
    ]

    third = kinto_project.run("team/tasks")
    assert third.counts("tasks") == (0, 0, 0, 0)
    assert third.reports["tasks"]["records"] == 0


def test_a_tombstone_moves_the_cursor_so_that_it_is_read_once(
    kinto_project: ProjectFolder, bucket: KintoBucket
) -> None:
    fill(bucket)
    kinto_project.run("team/tasks")
    bucket.delete("t010")

    assert kinto_project.run("team/tasks").counts("tasks") == (0, 0, 1, 0)
    assert kinto_project.run("team/tasks").reports["tasks"]["records"] == 0


def test_changes_that_fill_several_pages_are_all_read(
    kinto_project: ProjectFolder, bucket: KintoBucket
) -> None:
    fill(bucket)
    kinto_project.run("team/tasks")

    for number in range(0, 60, 2):
        bucket.patch(f"t{number:03}", n=number + 1000)
    bucket.delete(*(f"t{number:03}" for number in range(1, 60, 2)))
    outcome = kinto_project.run("team/tasks")

    assert outcome.counts("tasks") == (0, 30, 30, 0)
    assert outcome.reports["tasks"]["pages"] == 3
    assert_same(kinto_project, "tasks", bucket)


def test_r06_a_deleted_record_that_comes_back_is_added(
    kinto_project: ProjectFolder, bucket: KintoBucket
) -> None:
    fill(bucket)
    kinto_project.run("team/tasks", "team/all_tasks")
    bucket.delete("t007")
    kinto_project.run("team/tasks", "team/all_tasks")

    bucket.put(t007=task(7))
    outcome = kinto_project.run("team/tasks", "team/all_tasks")

    assert outcome.counts("tasks") == (1, 0, 0, 0)
    assert outcome.counts("all_tasks") == (1, 0, 0, TASKS - 1)
    assert_same(kinto_project, "tasks", bucket)
    assert_same(kinto_project, "all_tasks", bucket)


def test_a_complete_read_finds_what_is_missing(kinto_project: ProjectFolder, bucket: KintoBucket) -> None:
    fill(bucket)
    kinto_project.run("team/all_tasks")

    bucket.delete("t000", "t064", "t129")
    bucket.patch("t050", done=False)
    bucket.put(t999=task(999))
    outcome = kinto_project.run("team/all_tasks")

    assert outcome.counts("all_tasks") == (1, 1, 3, TASKS - 4)
    assert_same(kinto_project, "all_tasks", bucket)
    assert kinto_project.run("team/all_tasks").counts("all_tasks") == (0, 0, 0, TASKS - 2)


def test_a_full_run_of_an_incremental_sync_finds_what_is_missing(
    kinto_project: ProjectFolder, bucket: KintoBucket
) -> None:
    fill(bucket)
    kinto_project.run("team/weekly_tasks")
    bucket.delete("t003")

    outcome = kinto_project.run("team/weekly_tasks", "--full")

    assert outcome.reports["weekly_tasks"]["mode"] == "full"
    assert outcome.counts("weekly_tasks") == (0, 0, 1, TASKS - 1)
    assert_same(kinto_project, "weekly_tasks", bucket)


def test_newest_first_pages_move_the_cursor_as_well(
    kinto_project: ProjectFolder, bucket: KintoBucket
) -> None:
    fill(bucket)
    kinto_project.run("team/weekly_tasks")
    bucket.patch("t011", title="again")
    bucket.delete("t012")

    outcome = kinto_project.run("team/weekly_tasks")

    assert outcome.counts("weekly_tasks") == (0, 1, 1, 0)
    assert kinto_project.run("team/weekly_tasks").reports["weekly_tasks"]["records"] == 0
    assert_same(kinto_project, "weekly_tasks", bucket)


def test_a_record_that_no_longer_passes_where_leaves_the_table(
    kinto_project: ProjectFolder, bucket: KintoBucket
) -> None:
    fill(bucket)
    first = kinto_project.run("team/open_tasks")
    assert first.counts("open_tasks") == (104, 0, 0, 0)

    bucket.patch("t001", done=True)  # leaves
    bucket.patch("t005", done=False)  # enters
    bucket.patch("t010", title="still done")  # was never in
    bucket.delete("t002", "t015")  # one was in, one was not
    outcome = kinto_project.run("team/open_tasks")

    assert outcome.counts("open_tasks") == (1, 0, 2, 0)
    assert_same(kinto_project, "open_tasks", bucket, open_only=True)
    # what `where` drops moves the cursor too (R14)
    assert kinto_project.run("team/open_tasks").reports["open_tasks"]["records"] == 0


def test_an_empty_collection_is_an_empty_table(kinto_project: ProjectFolder) -> None:
    outcome = kinto_project.run("team/tasks")

    assert outcome.counts("tasks") == (0, 0, 0, 0)
    assert kinto_project.query("SELECT count(*) FROM kinto.tasks") == [(0,)]


def test_r23_a_wrong_password_fails_without_being_shown(
    kinto_project: ProjectFolder, bucket: KintoBucket
) -> None:
    fill(bucket)
    wrong = ProjectFolder(kinto_project.folder, env={"KINTO_USER": "ann", "KINTO_PASSWORD": "not-the-one"})

    outcome = wrong.run("team/tasks", exit_code=1)

    assert "403" in outcome.reports["tasks"]["message"]
    assert "not-the-one" not in outcome.stdout + outcome.stderr
    right = kinto_project.run("team/tasks")
    assert PASSWORD not in right.stdout + right.stderr
    assert right.counts("tasks") == (TASKS, 0, 0, 0)


def test_a_server_that_is_away_fails_the_run_and_keeps_the_records(
    kinto_project: ProjectFolder, bucket: KintoBucket
) -> None:
    fill(bucket)
    kinto_project.run("team/all_tasks")
    config = {"url": "http://127.0.0.1:1", "bucket": bucket.name}
    kinto_project.write_project(team={"connector": "kinto", "config": config})

    outcome = kinto_project.run("team/all_tasks", exit_code=1)

    assert outcome.reports["all_tasks"]["status"] == "failed"
    assert "http://127.0.0.1:1/v1/buckets" in outcome.reports["all_tasks"]["message"]
    assert kinto_project.query("SELECT count(*) FROM kinto.all_tasks") == [(TASKS,)]
