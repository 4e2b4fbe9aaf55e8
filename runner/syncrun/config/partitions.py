"""`for_each` and `detail`: a sync read once for each parent record or listed value, and records fetched one by one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from syncrun.config.base import Identifier, YamlModel
from syncrun.expressions.fields import Expression, Template, TemplateTree


class Source(YamlModel):
    """Where partitions come from: the live records of a parent sync, a list of values, or the union of several."""

    sync: Identifier | None = Field(None, description="A sync of this connector; it runs first.")
    values: list[Any] | Template | None = Field(None, description="A list, or a ${template} that gives one.")
    union: list[Source] | None = Field(None, description="Several sources, one after the other.")
    name: Identifier | None = Field(None, alias="as", description="What templates call it; `parent` by default.")
    where: Expression | None = Field(None, description="Keeps the parents or values for which it is true.")
    batch: int | None = Field(None, ge=1, description="Groups so many into one partition; the name is then a list.")
    otherwise: Source | None = Field(None, alias="else", description="The source to use when `values` is empty.")
    concurrency: int = Field(1, ge=1, le=64, description="Partitions fetched side by side.")
    on_error: Literal["continue", "fail"] = Field("continue", description="Whether the other partitions go on.")
    changed_only: bool = Field(False, description="Only parents changed since the partition's last success.")

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
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
    def parents(self) -> set[str]:
        """The syncs that must run before."""
        below = [*(self.union or ()), *([self.otherwise] if self.otherwise else ())]
        return {name for source in below for name in source.parents} | ({self.sync} if self.sync else set())


def _shape(value: Any) -> str:
    return "list" if isinstance(value, list) else "mapping"


AnyForEach = Annotated[
    Annotated[Source, Tag("mapping")] | Annotated[list[Source], Field(min_length=1), Tag("list")],
    Discriminator(_shape),
]


def sources_of(value: Source | list[Source] | None) -> tuple[Source, ...]:
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
    record: Expression | None = Field(None, description="JMESPath from the answer to the record; the whole by default.")
    into: str | None = Field(None, description="Keep the listed record and put the full form under this member.")
    concurrency: int = Field(4, ge=1, le=64)
    on_error: Literal["fail", "skip", "keep"] = Field(
        "fail", description="A record whose detail cannot be had: skip it (nothing is deleted then), keep it as listed."
    )

    @model_validator(mode="after")
    def _path_or_url(self) -> Detail:
        if (self.path is None) == (self.url is None):
            raise ValueError("detail needs either path or url")
        return self
