"""`job` and `incremental.cap`: what must hold between their keys, and what their templates see."""

from __future__ import annotations

import pytest

from syncrun.config.load import inspect

HEAD = "connector: acme\nbase_url: https://api.acme.example\nsyncs:\n  things:\n    key: id\n"
JOB = "    job: {create: /e, keep: {id: body.id}, poll: {request: '/e/${job.id}', done_when: body.done}, download: '/f/${poll.f}'}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + JOB, []),
        (HEAD, ["acme.yaml:4:3: a sync needs a request, or a job\n  hint: such as request: /path"]),
        (
            HEAD + JOB + "    request: /x\n",
            [
                "acme.yaml:4:3: give request or job, not both\n  hint: a job has its request for records in download"
            ],
        ),
        (
            HEAD + JOB.replace("${job.id}", "${job.di}"),
            ["acme.yaml:6:70: 'di' is not kept of the job\n  hint: one of: id"],
        ),
        (
            HEAD + JOB.replace("create: /e", "create: '/e/${job.id}'"),
            ["acme.yaml:6:25: 'job' has no value here\n  hint: one of: config, connection, cursor, now"],
        ),
        (
            HEAD + JOB.replace("body.done}", "done}"),
            [
                "acme.yaml:6:87: unknown name 'done'\n  hint: done_when sees body, headers, status: such as body.done"
            ],
        ),
        (
            HEAD + JOB.replace("'/f/${poll.f}'", "{}"),
            ["acme.yaml:6:99: download needs path, url or urls"],
        ),
        (
            HEAD + JOB.replace("'/f/${poll.f}'", "{urls: body.u, headers: {A: b}}"),
            [
                (
                    "acme.yaml:6:99: urls of the last poll are requested as they are\n"
                    "  hint: other keys go with path or url"
                )
            ],
        ),
        (
            HEAD + "    request: /x\n    incremental: {token: at, cap: 5}\n",
            [
                (
                    "acme.yaml:7:5: cap goes on from the cursor of the last record\n"
                    "  hint: give incremental.cursor"
                )
            ],
        ),
        (
            HEAD + "    request: /x\n    incremental: {cursor: at, cap: 5, tie_break: id}\n",
            [
                (
                    "acme.yaml:7:5: tie_break needs a list that is ordered by the cursor\n"
                    "  hint: give order: ascending"
                )
            ],
        ),
        (
            HEAD + "    request: '/x?after=${cursor_tie}'\n    incremental: {cursor: at}\n",
            [
                "acme.yaml:6:26: 'cursor_tie' has a value only in requests of a sync with incremental.tie_break"
            ],
        ),
        (
            (
                HEAD
                + "    request: '/x/${window.start}'\n    incremental: {cursor: at, cap: 5, window: 1d}\n"
            ).replace("    key: id\n", ""),
            ["acme.yaml:6:31: cap reads records twice, so the sync needs a key\n  hint: add key:"],
        ),
    ],
)
def test_the_keys_of_a_job_go_together(text: str, expected: list[str]) -> None:
    found = [str(p) for p in inspect(text, file="acme.yaml")[1] if p.severity == "error"]
    assert found == expected
