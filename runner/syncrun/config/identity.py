"""`check`: the request that proves who is asking, sent before anything is read.

check: {request: /user, expect: id, who: login}
check: none
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from syncrun.config.base import YamlModel, shape_of
from syncrun.config.request import AnyRequest, RequestSpec, as_request
from syncrun.decoders import AnyDecoder
from syncrun.decoders.json_document import JsonDecoder
from syncrun.expressions.fields import Expression


class IdentityCheck(YamlModel):
    """A request whose answer proves who is asking; where it does not, nothing is read (R34)."""

    request: AnyRequest = Field(description="What is sent, once a connection and command.")
    expect: Expression | None = Field(
        None, description="JMESPath over the body that must be true; absent: any answer of 2xx will do."
    )
    who: Expression | None = Field(
        None, description="JMESPath over the body that names who is asking, for `syncrun check`."
    )
    when: Expression | None = Field(
        None, description="JMESPath over config: where it is not true, there is nothing to prove."
    )
    decode: AnyDecoder = Field(
        JsonDecoder.model_construct(type="json"), json_schema_extra={"default": "json"}
    )

    @property
    def request_spec(self) -> RequestSpec:
        """The request in its full form."""
        return as_request(self.request)


AnyIdentityCheck = Annotated[
    Annotated[Literal["none"], Tag("text")] | Annotated[IdentityCheck, Tag("mapping")],
    Discriminator(shape_of),
]
