"""A request as written in YAML."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from syncrun.config.base import YamlModel, shape_of
from syncrun.expressions.fields import Template
from syncrun.http.request_parts import RequestParts

RequestKey = Literal["method", "path", "url", "params", "headers", "json", "form", "text", "retry_safe"]


class RequestSpec(RequestParts, YamlModel):
    """What is sent for each page; members whose template is null are left out."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] = "GET"
    retry_safe: bool = Field(default=False, description="A POST that only reads and may be sent again.")


AnyRequest = Annotated[
    Annotated[Template, Tag("text")] | Annotated[RequestSpec, Tag("mapping")], Discriminator(shape_of)
]


def as_request(value: str | RequestSpec) -> RequestSpec:
    """Return the normal form of a request: a text is its path."""
    return RequestSpec(path=value) if isinstance(value, str) else value
