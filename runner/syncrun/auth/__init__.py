"""Ways to authenticate. A new one is a module of its own and its class in `AnyAuth`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from syncrun.auth.api_key import ApiKey
from syncrun.auth.base import Auth
from syncrun.auth.basic import Basic
from syncrun.auth.bearer import Bearer
from syncrun.auth.none import NoAuth

AnyAuth = Annotated[
    NoAuth | Bearer | Basic | ApiKey,
    Field(discriminator="type"),
]

__all__ = ["AnyAuth", "ApiKey", "Auth", "Basic", "Bearer", "NoAuth"]
