"""A sync: one kind of record fetched from an API, as written under `syncs:` of a connector file.

Shorthands stay visible in the models, so that the JSON Schema says what people may write; the properties at
the end of each model give the one normal form that the rest of syncrun reads.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from syncrun.config.base import Duration, HookFileName, Identifier, YamlModel, shape_of
from syncrun.config.error_rules import ErrorRules
from syncrun.config.export_job import ExportJob
from syncrun.config.limits import RateLimit, RetrySpec
from syncrun.config.partitions import AnyForEach, Detail, PartitionSource, sources_of
from syncrun.config.request import AnyRequest, RequestKey, RequestSpec, as_request
from syncrun.config.scalars import FieldName, ModelName, NewFieldName, Pattern, TimeZone, TypeName
from syncrun.config.schedule import Cron, Interval, Schedule, ScheduleZone, check_schedule, schedule_of
from syncrun.decoders import AnyDecoder
from syncrun.decoders.json_document import JsonDecoder
from syncrun.expressions.fields import Expression, FieldPath, Template, TemplateTree
from syncrun.expressions.size_field import Size
from syncrun.paginators import AnyPagination
from syncrun.yaml_models import no_entries


class FieldSpec(YamlModel):
    """One field of a record: where it comes from and what it must be."""

    path: FieldPath = Field(
        description="JMESPath over the record, or a ${template} that is constant in a partition."
    )
    type: TypeName | None = Field(None, description="Absent: inferred from the values.")
    format: str | None = Field(None, description="epoch, epoch_ms, iso, or a strptime format.")
    default: Any = Field(None, description="Taken when the value is null or missing.")
    required: bool = False
    enum: list[Any] | None = None
    pattern: Pattern | None = None
    min: float | None = None
    max: float | None = None
    description: str = ""
    timezone: TimeZone = Field("UTC", description="Of timestamps that carry no offset.")
    hash: bool = Field(default=True, description="false leaves a volatile field out of change detection.")
    mask: Literal["redact", "sha256"] | None = None


AnyField = Annotated[
    Annotated[FieldPath, Tag("text")] | Annotated[FieldSpec, Tag("mapping")], Discriminator(shape_of)
]
AnyFields = Annotated[
    Annotated[dict[NewFieldName, AnyField], Field(min_length=1), Tag("mapping")]
    | Annotated[list[NewFieldName], Field(min_length=1), Tag("list")],
    Discriminator(shape_of),
]


class Explode(YamlModel):
    """One row an element of a list inside each record."""

    path: Expression
    name: Identifier = Field(alias="as")


AnyLookback = Annotated[
    Annotated[Duration, Tag("text")] | Annotated[Annotated[int, Field(ge=0)], Tag("number")],
    Discriminator(shape_of),
]


Status = Annotated[int, Field(ge=100, le=599)]
AnyStatus = Annotated[
    Annotated[Status, Tag("number")] | Annotated[Annotated[list[Status], Field(min_length=1)], Tag("list")],
    Discriminator(shape_of),
]


class Expired(YamlModel):
    """The answer by which an API says that it no longer knows a cursor."""

    status: AnyStatus = 410

    @property
    def statuses(self) -> tuple[int, ...]:
        """The status codes that mean it."""
        return tuple(self.status) if isinstance(self.status, list) else (self.status,)


class Incremental(YamlModel):
    """How a run knows where the last one ended."""

    cursor: FieldName | None = Field(None, description="A mapped field whose maximum is kept.")
    token: Expression | None = Field(
        None, description="JMESPath on the last page: a sync token or delta link."
    )
    type: Literal["timestamp", "date", "integer", "string"] | None = None
    start: TemplateTree = Field(None, description="Where the first run starts.")
    lookback: AnyLookback | None = Field(None, description="How far before the cursor to read again.")
    format: str = Field(
        "iso", description="How ${cursor} is written: iso, epoch, epoch_ms or a strftime format."
    )
    order: Literal["ascending", "descending", "unknown"] = Field(
        "unknown", description="descending: of several versions of a record in one read, the first counts."
    )
    window: Duration | None = Field(None, description="Read [start, end) slices of this length.")
    cap: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description=(
            "The most records that the API gives for one window: one with so many is halved. Without window,"
            " those of one search: the read goes on with another from its last record."
        ),
    )
    tie_break: FieldName | None = Field(
        None,
        description=(
            "A mapped field that orders records with the same cursor value: ${cursor_tie} has it, so that a"
            " search can go on within them."
        ),
    )
    min_window: Duration = Field("1s", description="A window is not split into parts shorter than this.")
    request: dict[RequestKey, TemplateTree] | None = Field(
        None, description="Overrides, once a cursor exists."
    )
    expired: Expired | None = Field(None, description="The answer that means: start over.")
    filter: Literal["server", "client"] = "server"

    @model_validator(mode="after")
    def _cursor_or_token(self) -> Incremental:
        if (self.cursor is None) == (self.token is None):
            raise ValueError("incremental needs either cursor (a field) or token (JMESPath on the last page)")
        if self.cap is not None and self.window is None and self.cursor is None:
            raise ValueError("cap goes on from the cursor of the last record; give incremental.cursor")
        if self.tie_break is not None:
            self._check_tie_break()
        return self

    def _check_tie_break(self) -> None:
        if self.cap is None or self.window is not None:
            raise ValueError(
                "tie_break is for searches that give only so many records; give cap, without window"
            )
        if self.order != "ascending":
            raise ValueError("tie_break needs a list that is ordered by the cursor; give order: ascending")


class SnapshotInterval(YamlModel):
    """When an incremental sync reads everything, to find what vanished."""

    every: Duration


AnySnapshot = Annotated[
    Annotated[Literal[True], Tag("boolean")] | Annotated[SnapshotInterval, Tag("mapping")],
    Discriminator(shape_of),
]
ExpressionOrList = Annotated[
    Annotated[Expression, Tag("text")] | Annotated[list[Expression], Tag("list")], Discriminator(shape_of)
]


class Confirm(YamlModel):
    """The request that asks for one missing record; `${record.…}` are its stored fields.

    404 and 410 mean that it is gone, an answer 2xx that it is there. Anything else leaves it as it is.
    """

    path: Template | None = None
    url: Template | None = None
    method: Literal["GET", "HEAD"] = "GET"
    params: dict[str, TemplateTree] = Field(default_factory=dict)
    headers: dict[str, TemplateTree] = Field(default_factory=dict)

    @property
    def request(self) -> RequestSpec:
        """The request in its full form."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return RequestSpec(**given)

    @model_validator(mode="after")
    def _path_or_url(self) -> Confirm:
        if (self.path is None) == (self.url is None):
            raise ValueError("confirm needs either path or url")
        return self


AnyConfirm = Annotated[
    Annotated[Template, Tag("text")] | Annotated[Confirm, Tag("mapping")], Discriminator(shape_of)
]


class Deletes(YamlModel):
    """How deletions are found, and the guard against believing too much (R10).

    Without `snapshot`, `flag` or `request` they are found as if nothing was said: by a snapshot where there
    is no `incremental`.
    """

    snapshot: AnySnapshot | None = Field(
        None, description="A complete read deletes what it does not see: true, or each so often."
    )
    flag: Expression | None = Field(None, description="True for records in the stream that mean deleted.")
    request: AnyRequest | None = Field(None, description="A feed of deleted ids.")
    records: Expression | None = None
    key: ExpressionOrList | None = None
    at: Expression | None = Field(
        None, description="Where an entry of the feed says when the record was deleted; as the cursor field."
    )
    pagination: AnyPagination | None = None
    max_ratio: float = Field(
        0.5,
        ge=0,
        le=1,
        description="A run that would delete a greater share of the live records, because it did not see"
        " them, deletes none. Fewer than 20 live records are not judged.",
    )
    allow_empty: bool = Field(default=False, description="Whether to believe that nothing is left.")
    misses: int | None = Field(
        None,
        ge=1,
        le=100,
        description="How many complete reads in a row must miss a record before it is deleted. Absent: 1, but"
        " 2 where pages are numbered and there is more than one.",
    )
    confirm: AnyConfirm | None = Field(
        None, description="Asks for each missing record: only one that is not there is deleted."
    )
    within: Expression | None = Field(
        None,
        description="Over the stored fields and `now`: the records that the list covers. No other can be"
        " missing.",
    )

    @property
    def finds(self) -> bool:
        """Whether it says how deletions are found, and not only how much of that is believed."""
        return bool(self.snapshot or self.flag or self.request)

    @property
    def confirmation(self) -> RequestSpec | None:
        """The request that asks for a missing record, in its full form."""
        return (
            Confirm(path=self.confirm).request
            if isinstance(self.confirm, str)
            else (self.confirm.request if self.confirm is not None else None)
        )


AnyDeletes = Annotated[
    Annotated[Literal["snapshot", "none"], Tag("text")] | Annotated[Deletes, Tag("mapping")],
    Discriminator(shape_of),
]


AnyKey = Annotated[
    Annotated[FieldName, Tag("text")]
    | Annotated[Annotated[list[FieldName], Field(min_length=1)], Tag("list")],
    Discriminator(shape_of),
]
AnySchema = Annotated[
    Annotated[dict[str, Any], Tag("mapping")] | Annotated[str, Tag("text")], Discriminator(shape_of)
]


class Sync(YamlModel):
    """One kind of record fetched from an API."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["request"]}, {"required": ["job"]}]})

    description: str = ""
    model: ModelName | None = Field(None, description="The table's name; the sync's name when absent.")
    request: AnyRequest | None = Field(None, description="What is sent for each page; or see `job`.")
    job: ExportJob | None = Field(
        None, description="An export that the API prepares in its own time, in place of `request`."
    )
    records: Expression | None = Field(
        None, description="JMESPath from the body to a list, or to one object."
    )
    empty: Literal["absent"] | None = Field(
        None,
        description="absent: the API leaves the list at `records` out when it is empty. Else a first answer"
        " without it is an error.",
    )
    cut_off: Expression | None = Field(
        None,
        description="True for an answer that is only a part: the read is incomplete; sees body, headers and"
        " status. Absent: members such as partial or incomplete_results tell.",
    )
    where: Expression | None = Field(None, description="Keeps the records for which it is true.")
    explode: Explode | None = None
    fields: AnyFields | None = None
    json_schema: AnySchema | None = Field(
        None, alias="schema", description="JSON Schema of a record as received, or a file in schemas/."
    )
    key: AnyKey | None = Field(None, description="What identifies a record; absent: its content.")
    pagination: AnyPagination | None = Field(None, description="Absent: detected on the first response.")
    incremental: Incremental | None = None
    deletes: AnyDeletes | None = None
    decode: AnyDecoder = Field(
        JsonDecoder.model_construct(type="json"), json_schema_extra={"default": "json"}
    )
    errors: ErrorRules = Field(default_factory=no_entries, description="Asked before those of the connector.")
    retry: RetrySpec | None = Field(None, description="Put over that of the connector, key by key.")
    rate_limit: RateLimit | None = Field(
        None, description="Of this sync's requests, besides the connector's."
    )
    timeout: Duration | None = Field(None, description="Of one request, in place of the connector's.")
    max_answer: Size | None = Field(None, description="Of one answer, in place of the connector's.")
    merge: bool = Field(
        default=False,
        description=(
            "true: what several answers of a run say of one key becomes one record; all that is read is kept"
            " in memory, and committed at once."
        ),
    )
    on_invalid: Literal["quarantine", "fail", "null"] = "quarantine"
    for_each: AnyForEach | None = Field(
        None, description="Reads the sync once for each parent record or value."
    )
    detail: Detail | None = Field(None, description="A request for each record's full form.")
    max_quarantined: float | None = Field(
        None,
        ge=0,
        description=(
            "More rejected records (a share below 1, else a count) make a run incomplete; absent: 1 % of its"
            " records, and 10 at least."
        ),
    )
    every: Interval | None = None
    cron: Cron | None = None
    timezone: ScheduleZone | None = None
    auto_start: bool = Field(
        default=True, description="false waits for a first run by hand, or `syncrun resume`."
    )
    raw: bool = False
    history: bool = Field(
        default=False,
        description=(
            "true keeps every version of every record, in MODEL__history; false leaves a table that is there"
            " as it is, without what happens from then on."
        ),
    )
    hooks: HookFileName | None = Field(
        None, description="A Python file whose functions take the place of the connector's, stage by stage."
    )

    @model_validator(mode="after")
    def _one_schedule(self) -> Sync:
        check_schedule(self)
        return self

    @model_validator(mode="after")
    def _merge_by_key(self) -> Sync:
        if self.merge and self.key is None:
            raise ValueError("merge needs a key, by which the parts of a record are found")
        if self.merge and self.newest_first:
            raise ValueError(
                "merge puts later parts over earlier ones, so incremental.order cannot be descending"
            )
        return self

    @model_validator(mode="after")
    def _empty_what(self) -> Sync:
        if self.empty is not None and self.records is None:
            raise ValueError("empty needs records: which member is absent, such as records: items")
        return self

    @model_validator(mode="after")
    def _request_or_job(self) -> Sync:
        if self.request is None and self.job is None:
            raise ValueError("a sync needs a request, or a job; such as request: /path")
        if self.request is not None and self.job is not None:
            raise ValueError("give request or job, not both; a job has its request for records in download")
        return self

    @property
    def schedule(self) -> Schedule | None:
        """When the sync runs by itself."""
        return schedule_of(self)

    @property
    def request_spec(self) -> RequestSpec:
        """The request for records in its full form."""
        return as_request(self.request or "") if self.job is None else self.job.download_spec

    @property
    def sources(self) -> tuple[PartitionSource, ...]:
        """Where the partitions come from; empty when there is one enumeration."""
        return sources_of(self.for_each)

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The key as a tuple of field names; empty when keyless."""
        if self.key is None:
            return ()
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    @property
    def field_specs(self) -> dict[str, FieldSpec] | None:
        """Every field in its full form, in YAML order; None when all members are kept."""
        if self.fields is None:
            return None
        if isinstance(self.fields, list):
            return {name: FieldSpec(path=_quoted(name)) for name in self.fields}
        return {n: FieldSpec(path=f) if isinstance(f, str) else f for n, f in self.fields.items()}

    @property
    def newest_first(self) -> bool:
        """Whether changes come newest first: of the versions of a record in one read the first counts."""
        rule = self.incremental
        return rule is not None and rule.order == "descending" and rule.window is None

    @property
    def delete_rule(self) -> Deletes | None:
        """The delete rule in its full form, None for `none`; a snapshot by default without `incremental`."""
        if self.deletes == "none" or (self.deletes is None and self.incremental is not None):
            return None
        if self.deletes is None or isinstance(self.deletes, str):
            return _by_snapshot()
        if self.deletes.finds:
            return self.deletes
        # how much is believed says nothing about how deletes are found
        return None if self.incremental is not None else self.deletes.model_copy(update={"snapshot": True})


@cache
def _by_snapshot() -> Deletes:
    """Return the rule of `deletes: snapshot`, which a run asks for many times."""
    return Deletes.model_construct(snapshot=True)


def _quoted(name: str) -> str:
    """Return the JMESPath that selects the member *name*, whatever characters it has."""
    return json.dumps(name, ensure_ascii=False)
