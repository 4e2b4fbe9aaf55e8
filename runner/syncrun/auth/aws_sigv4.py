"""AWS Signature Version 4: every request is signed, the secret itself is never sent.

auth:
  type: aws_sigv4
  service: execute-api
  region: eu-central-1
  access_key_id: "${config.access_key_id}"
  secret_access_key: "${config.secret_access_key}"
  session_token: "${config.session_token}"

Hosts such as ec2.eu-central-1.amazonaws.com tell service and region by themselves: leave those out for an API
of several services or regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from syncrun.auth.base import Auth, AuthContext
from syncrun.expressions.fields import Template

if TYPE_CHECKING:
    import httpx


class AwsSigV4(Auth):
    """`Authorization: AWS4-HMAC-SHA256 …`, with `X-Amz-Date` and the digest of the body."""

    type: Literal["aws_sigv4"]
    service: Template = Field(
        "", description="The service's signing name, such as s3 or execute-api; else the host tells."
    )
    region: Template = Field("", description="Such as us-east-1; else the host of each request tells.")
    access_key_id: Template = Field(description="Which key signs.")
    secret_access_key: Template = Field(description="The key.")
    session_token: Template = Field("", description="Of temporary credentials; may be null.")

    def authenticator(self, context: AuthContext) -> httpx.Auth:
        """Return a flow that signs each request, and each attempt, anew."""
        from syncrun.auth.sigv4 import SigV4, SigV4Key

        render = context.render
        token = self.session_token and render(self.session_token)
        key = SigV4Key(
            self._header_credential("access_key_id", render),
            self._credential("secret_access_key", render),
            self._header_credential("region", render) if self.region else "",
            self._header_credential("service", render) if self.service else "",
            self._header_credential("session_token", render) if token else "",
        )
        return SigV4(key, context.now)
