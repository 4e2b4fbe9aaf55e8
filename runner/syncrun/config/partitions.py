"""`for_each` and `detail`: once for each parent record or listed value, and records fetched one by one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from syncrun.config.base import Identifier, YamlModel
from syncrun.config.request import RequestSpec
from syncrun.expressions.fields import Expression, Template, TemplateTree


class PartitionSource(YamlModel):
    """Where partitions come from: the live records of a parent sync, a list of values, or a union."""

    sync: Identifier | None = Field(None, description="A sync of this connector; it runs first.")
    values: list[Any] | Template | None = Field(None, description="A list, or a ${template} that gives one.")
    union: list[PartitionSource] | None = Field(None, description="Several sources, one after the other.")
    name: Identifier | None = Field(
        None, alias="as", description="What templates call it; `parent` by default."
    )
    where: Expression | None = Field(None, description="Keeps the parents or values for which it is true.")
    batch: int | None = Field(
        None, ge=1, description="Groups so many into one partition; the name is then a list."
    )
    otherwise: PartitionSource | None = Field(
        None, alias="else", description="The source to use when `values` is empty."
    )
    concurrency: int = Field(1, ge=1, le=64, description="Partitions fetched side by side.")
    on_error: Literal["continue", "fail"] = Field(
        "continue", description="Whether the other partitions go on."
    )
    changed_only: bool = Field(
        default=False, description="Only parents changed since the partition's last success."
    )

    on_leave: Literal["keep", "delete"] = Field(
        "keep",
        description="What becomes of the records of a parent that no longer passes `where`; those of one"
        " that is deleted go with it.",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> PartitionSource:
        if sum(kind is not None for kind in (self.sync, self.values, self.union)) != 1:
            raise ValueError("give one of sync, values and union")
        if self.otherwise is not None and self.values is None:
            raise ValueError("else goes with values")
        if self.changed_only and self.sync is None:
            raise ValueError("changed_only goes with sync")
        return self

    @property
    def root(self) -> str:
        """The template root that holds the parent or value."""
        return self.name or "parent"

    @property
    def is_listed(self) -> bool:
        """Whether the connector or its configuration lists (some of) the partitions."""
        return self.values is not None or any(source.is_listed for source in self.union or ())

    @property
    def parents(self) -> set[str]:
        """The syncs that must run before."""
        below = [*(self.union or ()), *([self.otherwise] if self.otherwise else ())]
        return {name for source in below for name in source.parents} | ({self.sync} if self.sync else set())


def _shape(value: Any) -> str:
    return "list" if isinstance(value, list) else "mapping"


AnyForEach = Annotated[
    Annotated[PartitionSource, Tag("mapping")]
    | Annotated[list[PartitionSource], Field(min_length=1), Tag("list")],
    Discriminator(_shape),
]


def sources_of(value: PartitionSource | list[PartitionSource] | None) -> tuple[PartitionSource, ...]:
    """Return the sources whose product makes the partitions; empty when the sync has none."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


class Detail(YamlModel):
    """A request for each record's full form; `${record.…}` is the record as listed."""

    path: Template | None = None
    url: Template | None = None
    method: Literal["GET", "POST"] = "GET"
    params: dict[str, TemplateTree] = Field(default_factory=dict)
    headers: dict[str, TemplateTree] = Field(default_factory=dict)
    body: TemplateTree = Field(None, alias="json")
    retry_safe: bool = False
    record: Expression | None = Field(
        None, description="JMESPath from the answer to the record; the whole by default."
    )
    into: str | None = Field(
        None, description="Keep the listed record and put the full form under this member."
    )
    concurrency: int = Field(4, ge=1, le=64)
    on_error: Literal["fail", "skip", "keep"] = Field(
        "fail",
        description="A record whose detail cannot be had: skip it (then nothing is deleted) or keep it.",
    )

    @property
    def request(self) -> RequestSpec:
        """The request in its full form."""
        names = ("method", "path", "url", "params", "headers", "retry_safe")
        given = {name: getattr(self, name) for name in names if name in self.model_fields_set}
        return RequestSpec(**given, json=self.body)

    @model_validator(mode="after")
    def _path_or_url(self) -> Detail:
        if (self.path is None) == (self.url is None):
            raise ValueError("detail needs either path or url")
        return self
