"""A connector: one YAML file that says how to talk to one API, and its syncs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from syncrun.auth import AnyAuth
from syncrun.config.base import Duration, Identifier, YamlModel
from syncrun.config.sync import Sync
from syncrun.expressions.fields import Template, TemplateTree


class ConfigEntry(YamlModel):
    """One value that a connection must or may give: a JSON Schema property, plus `secret` and `env`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Literal["string", "integer", "number", "boolean", "array", "object"] = "string"
    description: str = ""
    default: Any = None
    secret: bool = Field(False, description="Redacted everywhere (R23).")
    env: str | None = Field(None, description="The environment variable to fall back to.")
    optional: bool = False


class RetrySpec(YamlModel):
    """How often and how long a request is tried again."""

    attempts: int = Field(6, ge=1, le=100)
    base: Duration = "1s"
    max_wait: Duration = "5m"


class Connector(YamlModel):
    """How to talk to one API, and the syncs it offers."""

    connector: Identifier = Field(description="The connector's name, and its schema in the database.")
    version: str = "0.1.0"
    title: str = ""
    description: str = ""
    docs: str = ""
    config: dict[Identifier, ConfigEntry] = Field(default_factory=dict)
    base_url: Template
    allow_hosts: list[str] = Field(default_factory=list, description="Further hosts that may get credentials (R19).")
    allow_http: bool = Field(False, description="Allows credentials over plain http to a host that is not loopback.")
    headers: dict[str, TemplateTree] = Field(default_factory=dict)
    auth: AnyAuth | None = None
    retry: RetrySpec = RetrySpec()
    timeout: Duration = Field("60s", description="Of one request.")
    verify: bool = Field(True, description="Whether TLS certificates are checked.")
    defaults: dict[str, Any] = Field(default_factory=dict, description="Merged into every sync.")
    syncs: Annotated[dict[Identifier, Sync], Field(min_length=1)]
