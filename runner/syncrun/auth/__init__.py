"""Ways to authenticate. A new one is a module of its own and its line in `KINDS`."""

from __future__ import annotations

from typing import Annotated

from syncrun.auth.base import Auth
from syncrun.yaml_models import Kinds

KINDS = Kinds(
    __name__,
    {
        "none": "none.NoAuth",
        "bearer": "bearer.Bearer",
        "basic": "basic.Basic",
        "api_key": "api_key.ApiKey",
        "oauth2": "oauth2.OAuth2",
        "jwt": "jwt.Jwt",
        "session": "session.Session",
        "aws_sigv4": "aws_sigv4.AwsSigV4",
        "digest": "digest.Digest",
        "hook": "hook.HookAuth",
    },
)

AnyAuth = Annotated[Auth, KINDS]

__all__ = ["KINDS", "AnyAuth", "Auth"]
