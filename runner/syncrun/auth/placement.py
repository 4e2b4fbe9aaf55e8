"""Where a request carries what was issued for it, for kinds that are told so: `in`, `name` and `prefix`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from syncrun.expressions.text_forms import Printable, WireName
from syncrun.yaml_models import YamlModel

if TYPE_CHECKING:
    from syncrun.auth.flows import Sign


class Placement(YamlModel):
    """A place in requests; a token in the header Authorization is a bearer's unless *prefix* says more."""

    place: Literal["header", "query", "cookie"] = Field(
        "header", alias="in", description="Where a token goes in requests."
    )
    name: WireName = Field("Authorization", description="Of the header, parameter or cookie of requests.")
    prefix: Printable | None = Field(
        None, description="Text before the token; `Bearer ` in the header Authorization."
    )

    @property
    def signer(self) -> Sign:
        """What puts a token there."""
        from syncrun.auth.flows import signer

        bearer = self.place == "header" and self.name.lower() == "authorization"
        prefix = self.prefix if self.prefix is not None else "Bearer " if bearer else ""
        return signer(self.place, self.name, prefix)
