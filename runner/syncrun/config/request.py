"""A request as written in YAML."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from syncrun.config.base import YamlModel, shape_of
from syncrun.expressions.fields import Template, TemplateTree

RequestKey = Literal["method", "path", "url", "params", "headers", "json", "form", "text", "retry_safe"]


class RequestSpec(YamlModel):
    """What is sent for each page; members whose template is null are left out."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] = "GET"
    path: Template | None = Field(None, description="Appended to base_url.")
    url: Template | None = Field(None, description="An absolute URL, instead of path.")
    params: dict[str, TemplateTree] = Field(default_factory=dict)
    headers: dict[str, TemplateTree] = Field(default_factory=dict)
    body: TemplateTree = Field(None, alias="json", description="A JSON body.")
    form: dict[str, TemplateTree] | None = Field(None, description="A form-encoded body.")
    text: Template | None = Field(None, description="A body sent as it is.")
    retry_safe: bool = Field(default=False, description="A POST that only reads and may be sent again.")

    @model_validator(mode="after")
    def _one_of_each(self) -> RequestSpec:
        if self.path is not None and self.url is not None:
            raise ValueError("give path or url, not both")
        if sum(part is not None for part in (self.body, self.form, self.text)) > 1:
            raise ValueError("give one of json, form and text")
        return self


AnyRequest = Annotated[
    Annotated[Template, Tag("text")] | Annotated[RequestSpec, Tag("mapping")], Discriminator(shape_of)
]


def as_request(value: str | RequestSpec) -> RequestSpec:
    """Return the normal form of a request: a text is its path."""
    return RequestSpec(path=value) if isinstance(value, str) else value
