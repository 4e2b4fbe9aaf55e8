"""`setup`: values that a run has to ask the API for before it can ask for records."""

from __future__ import annotations

from pydantic import Field

from syncrun.config.base import YamlModel
from syncrun.config.request import AnyRequest, RequestSpec, as_request
from syncrun.expressions.fields import Expression


class SetupEntry(YamlModel):
    """One value, asked for once a run when a template of its sync reads it; `${vars.NAME}` is it."""

    request: AnyRequest = Field(
        description="Its answer is JSON. It may read `vars` of the entries before this one."
    )
    value: Expression = Field(description="JMESPath from the answer to the value, which must not be null.")
    when: Expression | None = Field(
        None,
        description="JMESPath over config: where it is not true, nothing is asked, and it is null.",
    )

    @property
    def request_spec(self) -> RequestSpec:
        """The request in its full form."""
        return as_request(self.request)
