"""`job`: records that the API exports on request: create a job, poll until it is done, download its files.

job:
  create: {path: /exports, json: {object: contacts}}
  keep: {id: body.id}
  poll: {request: "/exports/${job.id}", done_when: "body.state == 'done'", every: 10s, timeout: 1h}
  download: {urls: "body.files[].url"}
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag, model_validator

from syncrun.config.base import Duration, Identifier, YamlModel, shape_of
from syncrun.config.request import AnyRequest, RequestSpec, as_request
from syncrun.expressions.fields import Expression, Template


class Poll(YamlModel):
    """How to ask whether a job is done; expressions see `body` (null if no JSON), `headers` and `status`."""

    request: AnyRequest = Field(description="It may read what is kept of the job, as `${job.…}`.")
    done_when: Expression = Field(description="True once the files can be downloaded.")
    failed_when: Expression | None = Field(None, description="True when they never will be; asked first.")
    message: Template | None = Field(
        None, description="What is told of a failure; ${…} sees body, headers and status."
    )
    every: Duration = Field("10s", description="The pause, unless an answer says Retry-After.")
    timeout: Duration = Field("1h", description="How long one run waits; the next one goes on waiting.")

    @property
    def request_spec(self) -> RequestSpec:
        """The request in its full form."""
        return as_request(self.request)


class Download(RequestSpec):
    """What to read when the job is done: a request, or the URLs that an answer names."""

    urls: Expression | None = Field(
        None,
        description="JMESPath to a URL or a list of them: over body, headers and status of the answer to this"
        " request or, without path and url, of the last poll.",
    )

    @property
    def asks(self) -> bool:
        """Whether there is a request to send, be it for records or for the URLs of files."""
        return self.path is not None or self.url is not None

    @model_validator(mode="after")
    def _somewhere(self) -> Download:
        if not self.asks and self.urls is None:
            raise ValueError("download needs path, url or urls")
        if not self.asks and self.model_fields_set != {"urls"}:
            raise ValueError(
                "urls of the last poll are requested as they are; other keys go with path or url"
            )
        return self


AnyDownload = Annotated[
    Annotated[Template, Tag("text")] | Annotated[Download, Tag("mapping")], Discriminator(shape_of)
]


class ExportJob(YamlModel):
    """An asynchronous export: the job is created once, also when the run that created it is cut short."""

    create: AnyRequest = Field(description="Starts the job; POST unless `method` says otherwise.")
    keep: Annotated[dict[Identifier, Expression], Field(min_length=1)] | None = Field(
        None,
        description="What `${job.NAME}` is in `poll` and `download`: JMESPath over body, headers and status"
        " of the answer to `create`. Absent: the members of its body.",
    )
    poll: Poll
    download: AnyDownload

    @property
    def create_spec(self) -> RequestSpec:
        """The request that creates a job, in its full form."""
        spec = as_request(self.create)
        return spec if "method" in spec.model_fields_set else spec.model_copy(update={"method": "POST"})

    @property
    def download_spec(self) -> Download:
        """The download in its full form."""
        return Download(path=self.download) if isinstance(self.download, str) else self.download
