"""A login request whose answer gives what later requests carry: a token, a header or a cookie.

auth:
  type: session
  request: {path: /login, json: {user: "${config.user}", password: "${config.password}"}}
  token: data.session_token
  name: X-Session-Token

auth:
  type: session
  request: {path: /sessions, form: {user: "${config.user}", password: "${config.password}"}}
  cookie: JSESSIONID
  lifetime: 30m

auth:
  type: session
  steps:
    - {request: {method: GET, path: /login}, keep: {csrf: body.token}}
  request:
    path: /login
    form: {user: "${config.user}", password: "${config.password}", csrf: "${vars.csrf}"}
  cookie: SESSION

auth:
  type: session
  request: {method: POST, path: /login, headers: {X-Api-Key: "${config.key}"}}
  token_header: X-Auth-Token
  name: X-Auth-Token
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from syncrun.auth.base import Auth, AuthContext, Lifetime
from syncrun.auth.placement import Placement
from syncrun.expressions.fields import Expression
from syncrun.expressions.text_forms import WireName
from syncrun.http.request_parts import RequestParts
from syncrun.yaml_models import YamlModel, no_entries

if TYPE_CHECKING:
    import httpx


NAME = r"^[a-z][a-z0-9_]*$"


class LoginRequest(RequestParts):
    """The request that logs in; its server may see the secrets in it."""

    method: Literal["GET", "POST", "PUT"] = "POST"

    @model_validator(mode="after")
    def _somewhere(self) -> LoginRequest:
        if self.path is None and self.url is None:
            raise ValueError("give path or url")
        return self


class LoginStep(YamlModel):
    """A request that comes before the one that logs in; the cookies that it sets go with those after it."""

    request: LoginRequest
    keep: dict[Annotated[str, Field(pattern=NAME)], Expression] = Field(
        default_factory=dict,
        description="What `${vars.NAME}` is afterwards: JMESPath over body, headers, cookies and status.",
    )


class Session(Placement, Auth):
    """Logs in once, again when the session has expired, and once after a 401."""

    type: Literal["session"]
    steps: list[LoginStep] = Field(default_factory=no_entries, description="What is asked for before.")
    request: LoginRequest = Field(description="The request that logs in.")
    token: Expression | None = Field(None, description="Where the token is in the answer's JSON body.")
    token_header: WireName | None = Field(None, description="The header of the answer that has the token.")
    cookie: WireName | None = Field(None, description="The cookie that the answer sets, and requests send.")
    lifetime: Lifetime | None = Field(None, description="Of a session, when it is known.")

    @model_validator(mode="after")
    def _one_source(self) -> Session:
        given = [name for name in ("token", "token_header", "cookie") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give one of token, token_header and cookie: where the answer has the session")
        if self.cookie is not None and self.model_fields_set & {"place", "name", "prefix"}:
            raise ValueError("a cookie is sent as it was set; leave in, name and prefix out")
        return self

    def authenticator(self, context: AuthContext) -> httpx.Auth:
        """Return a flow that sends the session and logs in when there is none."""
        from syncrun.auth.flows import signer
        from syncrun.auth.login import session_source
        from syncrun.auth.tokens import TokenAuth

        if self.cookie is not None:
            return TokenAuth(session_source(self, context), signer("cookie", self.cookie))
        return TokenAuth(session_source(self, context), self.signer)
