"""Ways to authenticate. A new one is a module of its own and its class in `AnyAuth`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from syncrun.auth.api_key import ApiKey
from syncrun.auth.aws_sigv4 import AwsSigV4
from syncrun.auth.base import Auth
from syncrun.auth.basic import Basic
from syncrun.auth.bearer import Bearer
from syncrun.auth.digest import Digest
from syncrun.auth.hook import HookAuth
from syncrun.auth.jwt import Jwt
from syncrun.auth.none import NoAuth
from syncrun.auth.oauth2 import OAuth2
from syncrun.auth.session import Session

AnyAuth = Annotated[
    NoAuth | Bearer | Basic | ApiKey | OAuth2 | Jwt | Session | AwsSigV4 | Digest | HookAuth,
    Field(discriminator="type"),
]

__all__ = [
    "AnyAuth",
    "ApiKey",
    "Auth",
    "AwsSigV4",
    "Basic",
    "Bearer",
    "Digest",
    "HookAuth",
    "Jwt",
    "NoAuth",
    "OAuth2",
    "Session",
]
