"""How often requests are sent and sent again: `retry` and `rate_limit`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag, model_validator

from syncrun.config.base import Duration, YamlModel, shape_of
from syncrun.expressions.fields import Expression
from syncrun.expressions.text_forms import WireName

HeaderNames = Annotated[
    Annotated[WireName, Tag("text")] | Annotated[Annotated[list[WireName], Field(min_length=1)], Tag("list")],
    Discriminator(shape_of),
]


class RetrySpec(YamlModel):
    """How often and how long a request is tried again."""

    attempts: int = Field(6, ge=1, le=100, description="How often a request is sent at most.")
    base: Duration = Field("1s", description="The first wait at most; doubled with every retry.")
    max_wait: Duration = Field("5m", description="No wait is longer, whatever the API asks for.")
    wait_header: HeaderNames | None = Field(
        None,
        description="Headers, besides Retry-After, that say when to come back: seconds, HTTP date or epoch.",
    )
    wait_body: Expression | None = Field(
        None, description="JMESPath on the body, to what says when to come back: seconds, date or epoch."
    )

    @property
    def wait_headers(self) -> tuple[str, ...]:
        """The names of `wait_header`, in lower case."""
        names = [self.wait_header] if isinstance(self.wait_header, str) else self.wait_header or []
        return tuple(name.lower() for name in names)

    def over(self, base: RetrySpec) -> RetrySpec:
        """Return *base* with what this one says itself put over it."""
        return base.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})


class RateLimit(YamlModel):
    """How many requests a connection sends: in a time, at once, and when the API says that none are left."""

    requests: int | None = Field(None, ge=1, le=100_000, description="So many in `per` at most.")
    per: Duration = Field("1s", description="The time that `requests` counts in.")
    concurrency: int | None = Field(None, ge=1, le=64, description="So many at the same time at most.")
    remaining_header: WireName | None = Field(
        None, description="The header that says how many requests are left; at 0 all wait."
    )
    reset_header: WireName | None = Field(
        None, description="The header that says until when: seconds, HTTP date or epoch."
    )

    @model_validator(mode="after")
    def _limits_something(self) -> RateLimit:
        if self.requests is None and self.concurrency is None and self.remaining_header is None:
            raise ValueError("rate_limit limits nothing; give requests, concurrency or remaining_header")
        if "per" in self.model_fields_set and self.requests is None:
            raise ValueError("per goes with requests")
        if (self.remaining_header is None) != (self.reset_header is None):
            raise ValueError("remaining_header and reset_header go together")
        return self
