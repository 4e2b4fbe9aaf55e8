"""The events that commands write with `--json`: the one definition of their schema and reference page.

Members may be added; those that are there stay. A member whose default is None is left out when there is
nothing to say.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["full", "incremental"]
Status = Literal["ok", "incomplete", "failed", "locked", "interrupted"]
Count = Annotated[int, Field(ge=0)]


class EventModel(BaseModel):
    """What every event has in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RunEvent(EventModel):
    """Every event of a run has these members."""

    connection: str = Field(
        description="The connection whose run it is: `default` for a connector that is run by its name."
    )
    connector: str = Field(description="Its connector.")
    sync: str = Field(description="The sync.")
    run: str = Field(description="The run's id, as in `syncrun.runs`.")


class RunStarted(RunEvent):
    """The run has its lock and its saved progress, and begins to read."""

    event: Literal["run_started"]
    mode: Mode


class PageRead(RunEvent):
    """An answer was read and staged."""

    event: Literal["page"]
    page: Count = Field(description="How many pages the run has read.")
    records: Count = Field(description="How many records it has read.")
    share: float | None = Field(
        None, ge=0, le=1, description="How much of all that is, where the API says how much there is."
    )


class Waiting(RunEvent):
    """Somebody else holds what the run needs, or the API is asked again later."""

    event: Literal["waiting"]
    reason: str = Field(description="What for, in one sentence.")


class Ended(RunEvent):
    """How a run ended, or would have."""

    status: Status = Field(description="How the run ended.")
    mode: Mode
    seconds: float = Field(ge=0, description="How long it took.")
    records: Count = Field(description="How many records were read.")
    pages: Count
    requests: Count = Field(description="How many requests were sent, repeated ones included.")
    added: Count
    updated: Count
    deleted: Count
    unchanged: Count
    duplicates: Count = Field(description="Records that a later one of the same key replaced.")
    quarantined: Count
    filtered: Count = Field(description="Records that `where` or a hook left out.")
    missing: Count | None = Field(
        None, description="How many records were not seen, and are deleted when further reads miss them too."
    )
    message: str | None = Field(None, description="What is wrong, or worth knowing, in one sentence.")
    hint: str | None = Field(None, description="What helps.")
    notes: list[str] | None = Field(None, description="Further sentences.")


class RunFinished(Ended):
    """The run is over."""

    event: Literal["run_finished"]


class DryRunRecord(RunEvent):
    """A record that would change; the first of each kind (`--show`)."""

    event: Literal["record"]
    action: Literal["ADDED", "UPDATED", "DELETED", "MISSING"] = Field(
        description="MISSING: it was not seen, and is deleted when further reads miss it too."
    )
    id: str = Field(description="Its key, as in `_id`.")
    partition: str = Field(description="The partition that it was read in, as in `_partition`.")
    values: dict[str, Any] = Field(description="Its fields; of one that is deleted or missing those stored.")
    before: dict[str, Any] | None = Field(description="The stored fields of an updated record that differ.")


class DryRunQuarantine(RunEvent):
    """A record that would be quarantined."""

    event: Literal["quarantine"]
    key: str | None = Field(description="Its key, null when that is bad too.")
    reason: str = Field(description="What is wrong, in one sentence.")
    path: str | None = Field(description="The field.")
    raw: str | None = Field(description="The record as JSON text.")


class DryRunFinished(Ended):
    """The dry run is over; the counts say what would become of the records."""

    event: Literal["dryrun_finished"]
    deletes: str = Field(description="What would be deleted of what was not seen, and why.")
    table: list[str] = Field(description="What would change about the table, in sentences.")
    repeated: list[str] | None = Field(None, description="The first keys that came more than once.")
    pagination: str | None = Field(None, description="What was detected, as YAML.")
    saved: str | None = Field(None, description="The file with the answers.")
    diagnostics: dict[str, Any] | None = Field(
        None,
        description="`seconds`, `memory_average` and `memory_peak` in bytes, `cpu_average` and `cpu_peak` in"
        " percent of one core, `requests`, `bytes`, and `stages`, the seconds of each.",
    )


class Explained(EventModel):
    """What the next run of a sync would do."""

    event: Literal["explanation"]
    connection: str
    connector: str
    sync: str
    mode: Mode = Field(description="What the next run would be.")
    why: str = Field(description="The reason.")
    auth: str = Field(description="The kind of authentication.")
    check: str = Field(description="What proves who is asking, once before; empty when nothing does.")
    setup: list[str] = Field(description="Names of the values that are asked for first.")
    requests: list[dict[str, Any]] = Field(
        description="First requests: `partition`, the masked `curl`, and how many `windows` of time."
    )
    partitions: Count = Field(description="How many partitions would be read.")
    skipped: Count = Field(description="How many are up to date.")
    source: str = Field(description="Where the partitions come from; empty for a sync without.")
    pagination: str = Field(description="How it is done, in words or YAML.")
    cursor: str = Field(description="The same of the cursor.")
    deletes: str = Field(description="The same of deletes.")
    table: str = Field(description="The table as SQL makes it.")


class Tested(EventModel):
    """A test of a connector is over."""

    event: Literal["test"]
    connector: str
    sync: str
    file: str = Field(description="The connector's file.")
    responses: list[str] = Field(description="The recordings.")
    passed: bool = Field(description="Whether all was as expected.")
    updated: bool = Field(description="Whether `expect` was rewritten.")
    differences: list[str] = Field(description="What was not, in sentences.")
    records: Count = Field(description="How many records were live in the end.")
    requests: Count = Field(description="How many requests the last run sent.")


class PlannedChange(EventModel):
    """One thing that a deployment changes about a sync."""

    sync: str
    told: str = Field(description="What, in one sentence.")
    destructive: bool = Field(description="Whether readers of the data lose something.")


class Planned(EventModel):
    """What a deployment would change about a connector."""

    event: Literal["plan"]
    connector: str
    before: str | None = Field(description="The version that is deployed, null for none.")
    after: str = Field(description="The version that would be.")
    digest: str = Field(description="What tells its content from any other.")
    changes: list[PlannedChange] = Field(
        description="What changes: the `sync`, what is `told` about it, and whether it is `destructive`."
    )


class Deployed(EventModel):
    """A connector was deployed."""

    event: Literal["deployed"]
    connector: str
    version: str


class FoundProblem(EventModel):
    """Something is wrong with a file."""

    message: str = Field(description="One sentence.")
    file: str
    line: Count = Field(description="From 1; 0 where there is none.")
    column: Count = Field(description="From 1; 0 where there is none.")
    hint: str = Field(description="What helps; may be empty.")
    severity: Literal["error", "warning"]


class Problem(FoundProblem):
    """Something is wrong with a file."""

    event: Literal["problem"]


class Finished(EventModel):
    """After `dryrun`, `explain` and others that have nothing to add."""

    event: Literal["finished"]
    exit_code: int = Field(ge=0, le=255, description="What the command exits with.")


class FinishedRuns(Finished):
    """After the runs of `run`: how many there were, and how many of them ended so."""

    runs: Count
    ok: Count
    incomplete: Count
    failed: Count
    locked: Count
    interrupted: Count


class FinishedTests(Finished):
    """After `test`: how many there were."""

    tests: Count
    failed: Count


class FinishedFiles(Finished):
    """After `validate`: how many there were."""

    files: Count
    errors: Count
    warnings: Count


class FinishedDeployment(Finished):
    """After `deploy`: how many connectors it deployed, or would with `--dry-run`."""

    connectors: Count
    destructive: bool = Field(description="Whether readers of the data lose something.")
    dry_run: bool


class Stopped(Finished):
    """When the command could not do its work."""

    error: str = Field(description="What is wrong.")
    hint: str | None = Field(None, description="What helps.")
    problems: list[FoundProblem] | None = Field(None, description="What is wrong with files.")


SECTIONS: tuple[tuple[str, tuple[type[EventModel], ...]], ...] = (
    ("Events of a run", (RunStarted, PageRead, Waiting, RunFinished)),
    ("Events of a dry run", (DryRunRecord, DryRunQuarantine, DryRunFinished)),
    ("Events of `explain`", (Explained,)),
    ("Events of `test`", (Tested,)),
    ("Events of `validate`", (Problem,)),
    ("Events of `deploy`", (Planned, Deployed)),
    (
        "The terminal event",
        (FinishedRuns, Finished, FinishedTests, FinishedFiles, FinishedDeployment, Stopped),
    ),
)
"""Every event, in the order of the reference page."""

MODELS: tuple[type[EventModel], ...] = tuple(model for _, models in SECTIONS for model in models)


def name_of(model: type[EventModel]) -> str:
    """Return the name that the events of *model* have."""
    return str(model.model_json_schema()["properties"]["event"]["const"])
