"""OAuth 2.0: a token from the API's own token endpoint, renewed before it expires and after a 401.

auth:
  type: oauth2
  grant: client_credentials
  token_url: https://auth.example.com/oauth/token
  client_id: "${config.client_id}"
  client_secret: "${config.client_secret}"
  scopes: [read]

auth:
  type: oauth2
  grant: refresh_token
  token_url: https://auth.example.com/oauth/token
  client_id: "${config.client_id}"
  client_secret: "${config.client_secret}"
  refresh_token: "${config.refresh_token}"

auth:
  type: oauth2
  grant: authorization_code
  authorize_url: https://auth.example.com/oauth/authorize
  token_url: https://auth.example.com/oauth/token
  client_id: "${config.client_id}"
  redirect_uri: http://127.0.0.1:8765/callback
  scopes: [read, offline_access]

auth:
  type: oauth2
  grant: device_code
  device_url: https://auth.example.com/oauth/device
  token_url: https://auth.example.com/oauth/token
  client_id: "${config.client_id}"

auth:
  type: oauth2
  grant: jwt_bearer
  token_url: https://oauth2.googleapis.com/token
  assertion:
    algorithm: RS256
    key: "${config.private_key}"
    claims: {iss: "${config.client_email}", scope: "https://www.googleapis.com/auth/calendar.readonly"}

auth:
  type: oauth2
  grant: password
  token_url: https://auth.example.com/oauth/token
  client_id: "${config.client_id}"
  username: "${config.user}"
  password: "${config.password}"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from syncrun.auth.base import Auth, AuthContext, Lifetime
from syncrun.auth.signed_jwt import SignedJwt
from syncrun.expressions.fields import Expression, Template, TemplateTree
from syncrun.expressions.text_forms import Printable, WireName
from syncrun.yaml_models import YamlModel, no_entries

if TYPE_CHECKING:
    import httpx

Grant = Literal[
    "client_credentials", "refresh_token", "authorization_code", "device_code", "password", "jwt_bearer"
]

# What each grant needs, and what it may have besides the keys that all grants share.
_NEEDS: dict[str, tuple[str, ...]] = {
    "client_credentials": ("client_id", "client_secret"),
    "refresh_token": ("refresh_token",),
    "authorization_code": ("client_id", "authorize_url"),
    "device_code": ("client_id", "device_url"),
    "password": ("username", "password"),
    "jwt_bearer": ("assertion",),
}
_MAY_HAVE: dict[str, tuple[str, ...]] = {
    "authorization_code": ("redirect_uri", "authorize_params", "revoke_url"),
    "device_code": ("revoke_url",),
    "refresh_token": ("revoke_url",),
}
_PARTICULAR = {name for names in (*_NEEDS.values(), *_MAY_HAVE.values()) for name in names} - {
    "client_id",
    "client_secret",
}


class TokenAnswer(YamlModel):
    """Where an answer of the token endpoint has what it says, besides the token itself."""

    refresh_token: Expression = Field("refresh_token", description="JMESPath to the next refresh token.")
    expires_in: Expression = Field("expires_in", description="JMESPath to how long the token lives.")
    unit: Literal["s", "ms", "min", "h", "epoch", "epoch_ms", "iso"] = Field(
        "s", description="What expires_in counts; epoch, epoch_ms and iso are points in time."
    )


class OAuth2(Auth):
    """`Authorization: Bearer TOKEN`, the token being asked for, kept, and renewed."""

    type: Literal["oauth2"]
    grant: Grant = Field(description="How a token is come by.")
    token_url: Template = Field(description="The endpoint that issues tokens; it gets the client's secret.")
    client_id: Template = Field("", description="The client as registered with the API.")
    client_secret: Template = Field("", description="Empty for public clients.")
    scopes: list[Template] = Field(default_factory=no_entries, description="What is asked for.")
    refresh_token: Template = Field("", description="The first refresh token; a rotated one replaces it.")
    username: Template = Field("", description="Of the grant password.")
    password: Template = Field("", description="Of the grant password.")
    assertion: SignedJwt | None = Field(None, description="What the grant jwt_bearer signs and shows.")
    authorize_url: Template = Field("", description="Where a person signs in.")
    authorize_params: dict[str, TemplateTree] = Field(
        default_factory=dict, description="Further query parameters of authorize_url."
    )
    redirect_uri: str = Field(
        "http://127.0.0.1/callback",
        description="On this machine, as registered; without a port any free one is used (RFC 8252).",
    )
    device_url: Template = Field("", description="Where a device code is asked for.")
    revoke_url: Template = Field("", description="Where `auth logout` revokes the token.")
    client_auth: Literal["basic", "body"] = Field(
        "basic", description="Whether the client's secret goes in a header or in the body."
    )
    token_body: Literal["form", "json"] = Field("form", description="How token requests are encoded.")
    token_params: dict[str, TemplateTree] = Field(
        default_factory=dict, description="Further members of token requests, such as audience."
    )
    token_headers: dict[str, TemplateTree] = Field(
        default_factory=dict, description="Further headers of token requests."
    )
    token: Expression = Field("access_token", description="Where the token is in the answer.")
    answer: TokenAnswer = Field(
        TokenAnswer.model_construct(), description="Where else the answer differs from the standard."
    )
    lifetime: Lifetime | None = Field(None, description="Of a token, when the answer does not say.")
    header: WireName = Field("Authorization", description="The header of API requests.")
    prefix: Printable = Field("Bearer ", description="Text before the token.")

    @field_validator("redirect_uri")
    @classmethod
    def _check_loopback(cls, uri: str) -> str:
        try:
            parts = urlsplit(uri)
            _ = parts.port
        except ValueError:
            raise ValueError("redirect_uri is no URL") from None
        if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError(
                "redirect_uri must lead to this machine; write http://127.0.0.1:PORT/PATH, as registered"
            )
        return uri

    @model_validator(mode="after")
    def _check_grant(self) -> OAuth2:
        needs = _NEEDS[self.grant]
        missing = [name for name in needs if not getattr(self, name)]
        if missing:
            raise ValueError(f"the grant {self.grant} needs {' and '.join(missing)}")
        other = _PARTICULAR & self.model_fields_set - {*needs, *_MAY_HAVE.get(self.grant, ())}
        if other:
            raise ValueError(f"the grant {self.grant} has no use for {' and '.join(sorted(other))}")
        return self

    def authenticator(self, context: AuthContext) -> httpx.Auth:
        """Return a flow that sends the present token and renews it."""
        from syncrun.auth.flows import signer
        from syncrun.auth.grants import token_source
        from syncrun.auth.tokens import TokenAuth

        return TokenAuth(token_source(self, context), signer("header", self.header, self.prefix))

    def text(self, name: str, context: AuthContext, *, optional: bool = False) -> str:
        """Return the value of a key; raise UsageError when it is empty and not *optional*."""
        absent = optional and not getattr(self, name)
        return self._credential(name, context.render, may_be_empty=absent)

    def rendered_scopes(self, context: AuthContext) -> str:
        """Return the scopes as requests name them."""
        found: list[Any] = [context.render(scope) for scope in self.scopes]
        return " ".join(str(scope) for scope in found if scope)
