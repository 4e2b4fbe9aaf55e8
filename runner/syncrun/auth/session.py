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
  request: {method: POST, path: /login, headers: {X-Api-Key: "${config.key}"}}
  token_header: X-Auth-Token
  name: X-Auth-Token
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from syncrun.auth.base import Auth, AuthContext, Lifetime
from syncrun.expressions.fields import Expression, Template, TemplateTree

if TYPE_CHECKING:
    import httpx

_HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"


class LoginRequest(BaseModel):
    """The request that logs in; its server may see the secrets in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    method: Literal["GET", "POST", "PUT"] = "POST"
    path: Template | None = Field(None, description="Appended to base_url.")
    url: Template | None = Field(None, description="An absolute URL, instead of path.")
    params: dict[str, TemplateTree] = Field(default_factory=dict)
    headers: dict[str, TemplateTree] = Field(default_factory=dict)
    body: TemplateTree = Field(None, alias="json", description="A JSON body.")
    form: dict[str, TemplateTree] | None = Field(None, description="A form-encoded body.")
    text: Template | None = Field(None, description="A body sent as it is.")

    @model_validator(mode="after")
    def _one_of_each(self) -> LoginRequest:
        if (self.path is None) == (self.url is None):
            raise ValueError("give path or url" + ("" if self.path is None else ", not both"))
        if sum(part is not None for part in (self.body, self.form, self.text)) > 1:
            raise ValueError("give one of json, form and text")
        return self


class Session(Auth):
    """Logs in once, again when the session has expired, and once after a 401."""

    type: Literal["session"]
    request: LoginRequest = Field(description="The request that logs in.")
    token: Expression | None = Field(None, description="Where the token is in the answer's JSON body.")
    token_header: str | None = Field(
        None, pattern=_HEADER_NAME, description="The header of the answer that has the token."
    )
    cookie: str | None = Field(
        None, pattern=_HEADER_NAME, description="The cookie that the answer sets, and requests send."
    )
    place: Literal["header", "query", "cookie"] = Field(
        "header", alias="in", description="Where a token goes in requests."
    )
    name: str = Field(
        "Authorization",
        pattern=r"^[A-Za-z0-9_.$~!#%&'*+^`|-]+$",
        description="Of the header, parameter or cookie of requests.",
    )
    prefix: str | None = Field(
        None,
        pattern=r"^[\x20-\x7e]*$",
        description="Text before the token; `Bearer ` in the header Authorization.",
    )
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
        bearer = self.place == "header" and self.name.lower() == "authorization"
        prefix = self.prefix if self.prefix is not None else "Bearer " if bearer else ""
        return TokenAuth(session_source(self, context), signer(self.place, self.name, prefix))
