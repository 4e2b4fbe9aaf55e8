"""The keys of a request in YAML, wherever one is written."""

from __future__ import annotations

from pydantic import Field, model_validator

from syncrun.expressions.fields import Template, TemplateTree
from syncrun.yaml_models import YamlModel


class RequestParts(YamlModel):
    """What is sent; members whose template is null are left out."""

    method: str = "GET"
    path: Template | None = Field(None, description="Appended to base_url.")
    url: Template | None = Field(None, description="An absolute URL, instead of path.")
    params: dict[str, TemplateTree] = Field(default_factory=dict)
    headers: dict[str, TemplateTree] = Field(default_factory=dict)
    body: TemplateTree = Field(None, alias="json", description="A JSON body.")
    form: dict[str, TemplateTree] | None = Field(None, description="A form-encoded body.")
    text: Template | None = Field(None, description="A body sent as it is.")

    @model_validator(mode="after")
    def _one_of_each(self) -> RequestParts:
        if self.path is not None and self.url is not None:
            raise ValueError("give path or url, not both")
        if sum(part is not None for part in (self.body, self.form, self.text)) > 1:
            raise ValueError("give one of json, form and text")
        return self
