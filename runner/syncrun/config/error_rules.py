"""`errors`: what answers mean, beyond what their status says; the first rule that matches counts.

errors:
  - {status: 403, when: "contains(default(body.message, ''), 'abuse')", then: retry}
  - {status: [404, 410], then: skip}
  - {when: "body.ok == `false`", then: fail, message: "${body.error}"}
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from syncrun.config.base import YamlModel, shape_of
from syncrun.expressions.fields import Expression, Template

RULE_ROOTS = frozenset({"body", "headers", "status"})
"""What `when` and `message` see."""

_CLASS = re.compile(r"[1-5]xx")


def _check_class(text: str) -> str:
    if not _CLASS.fullmatch(text):
        raise ValueError(f"{text!r} is no class of statuses; write 4xx or 5xx, or a number such as 404")
    return text


StatusClass = Annotated[
    str, AfterValidator(_check_class), Field(json_schema_extra={"pattern": f"^{_CLASS.pattern}$"})
]
StatusNumber = Annotated[int, Field(ge=100, le=599)]
OneStatus = Annotated[
    Annotated[StatusNumber, Tag("number")] | Annotated[StatusClass, Tag("text")], Discriminator(shape_of)
]
Statuses = Annotated[
    Annotated[StatusNumber, Tag("number")]
    | Annotated[StatusClass, Tag("text")]
    | Annotated[Annotated[list[OneStatus], Field(min_length=1)], Tag("list")],
    Discriminator(shape_of),
]


class ErrorRule(YamlModel):
    """What to do with answers of a status, or for which an expression is true."""

    status: Statuses | None = Field(
        None, description="A status, a class such as 4xx, or a list; absent: any."
    )
    when: Expression | None = Field(
        None, description="JMESPath over body, headers and status; absent: true for every answer."
    )
    then: Literal["retry", "skip", "empty", "fail", "reset", "refresh_auth", "warn"] = Field(
        description="Send it again; do without; take it for no records; give up; start over without a cursor;"
        " get a new token first; use it, and note it in the summary."
    )
    message: Template | None = Field(
        None, description="What is told in place of the answer's start; ${…} sees body, headers and status."
    )

    @model_validator(mode="after")
    def _matches_something(self) -> ErrorRule:
        if self.status is None and self.when is None:
            raise ValueError("a rule needs status or when, or it would match every answer")
        if self.then == "warn" and not any(map(self.covers, range(200, 300))):
            raise ValueError("warn is about good answers, of 2xx: an error needs another then")
        return self

    def covers(self, status: int) -> bool:
        """Whether the rule is about answers with *status*."""
        if self.status is None:
            return True
        given: list[Any] = self.status if isinstance(self.status, list) else [self.status]
        return status in given or f"{status // 100}xx" in given


ErrorRules = list[ErrorRule]
