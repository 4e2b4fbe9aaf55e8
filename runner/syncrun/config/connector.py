"""A connector: one YAML file that says how to talk to one API, and its syncs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, NonNegativeInt, PositiveFloat, Tag

from syncrun.auth import AnyAuth, Auth
from syncrun.config.base import VARIABLE_NAME, Duration, HookFileName, Identifier, YamlModel, shape_of
from syncrun.config.cases import Case
from syncrun.config.error_rules import ErrorRules
from syncrun.config.identity import AnyIdentityCheck, IdentityCheck
from syncrun.config.limits import RateLimit, RetrySpec
from syncrun.config.scalars import ModelName, Pattern
from syncrun.config.setup import SetupEntry
from syncrun.config.sync import Sync
from syncrun.expressions.fields import Template, TemplateTree
from syncrun.expressions.size_field import Size
from syncrun.yaml_models import no_entries

RESERVED_NAMES = ("information_schema", "main", "pg_catalog", "syncrun", "system", "temp")
_OWN_KEYS = {"secret", "env", "optional", "default", "title", "description", "examples"}


def _check_connector_name(name: str) -> str:
    if name in RESERVED_NAMES:
        raise ValueError(
            f"the name '{name}' is reserved: a schema of that name belongs to the database or to syncrun"
        )
    return name


ConnectorName = Annotated[
    Identifier,
    AfterValidator(_check_connector_name),
    Field(json_schema_extra={"not": {"enum": list(RESERVED_NAMES)}}),
]


class AllowedHost(YamlModel):
    """A server that links and redirects may lead to."""

    host: str = Field(description="`host`, `host:port`, `*.host` or `https://host`.")
    credentials: bool = Field(
        default=True, description="false: it is asked without them, as file stores are."
    )


AnyHost = Annotated[
    Annotated[str, Tag("text")] | Annotated[AllowedHost, Tag("mapping")], Discriminator(shape_of)
]

AuthList = Annotated[list[AnyAuth], Field(min_length=1)]
AuthEntries = Annotated[
    Annotated[AnyAuth, Tag("mapping")] | Annotated[AuthList, Tag("list")], Discriminator(shape_of)
]


class ConfigEntry(YamlModel):
    """One value that a connection gives: a JSON Schema property, plus `secret`, `env` and `optional`."""

    type: Literal["string", "integer", "number", "boolean", "array", "object"] = "string"
    title: str = ""
    description: str = ""
    default: Any = None
    examples: list[Any] | None = None
    secret: bool = Field(default=False, description="Redacted everywhere (R23).")
    env: Annotated[str, Field(pattern=VARIABLE_NAME)] | None = Field(
        None, description="The environment variable to fall back to."
    )
    optional: bool = Field(default=False, description="May be missing; templates then see null.")
    enum: Annotated[list[Any], Field(min_length=1)] | None = None
    const: Any = None
    format: str | None = None
    pattern: Pattern | None = None
    min_length: NonNegativeInt | None = Field(None, alias="minLength")
    max_length: NonNegativeInt | None = Field(None, alias="maxLength")
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = Field(None, alias="exclusiveMinimum")
    exclusive_maximum: float | None = Field(None, alias="exclusiveMaximum")
    multiple_of: PositiveFloat | None = Field(None, alias="multipleOf")
    items: dict[str, Any] | None = Field(None, description="JSON Schema of an array's elements.")
    min_items: NonNegativeInt | None = Field(None, alias="minItems")
    max_items: NonNegativeInt | None = Field(None, alias="maxItems")
    unique_items: bool | None = Field(None, alias="uniqueItems")
    properties: dict[str, dict[str, Any]] | None = Field(
        None, description="JSON Schemas of an object's members."
    )
    required: list[str] | None = Field(None, description="Members that an object must have.")
    additional_properties: bool | None = Field(None, alias="additionalProperties")

    @property
    def value_schema(self) -> dict[str, Any]:
        """The JSON Schema that a value must meet."""
        given = self.model_dump(by_alias=True, exclude_unset=True, exclude=_OWN_KEYS)
        return {"type": self.type, **{key: value for key, value in given.items() if value is not None}}


class Connector(YamlModel):
    """How to talk to one API, and the syncs it offers."""

    connector: ConnectorName = Field(description="The connector's name, and its schema in the database.")
    version: str = "0.1.0"
    title: str = ""
    description: str = ""
    docs: str = ""
    config: dict[Identifier, ConfigEntry] = Field(default_factory=dict)
    base_url: Template
    allow_hosts: list[AnyHost] = Field(
        default_factory=no_entries,
        description="Further hosts that links and redirects may lead to, and that get credentials (R19).",
    )
    allow_http: bool = Field(
        default=False, description="Allows credentials over plain http to a host that is not loopback."
    )
    headers: dict[str, TemplateTree] = Field(default_factory=dict)
    auth: AuthEntries | None = Field(
        None, description="How requests are authenticated; of a list, the first entry whose `when` holds."
    )
    check: AnyIdentityCheck | None = Field(
        None,
        description="The request that proves who is asking; where it fails, nothing is read."
        " `none`: the API has no such request.",
    )
    retry: RetrySpec = RetrySpec.model_construct()
    rate_limit: RateLimit | None = None
    errors: ErrorRules = Field(
        default_factory=no_entries, description="What answers mean; the rules of a sync are asked first."
    )
    timeout: Duration = Field("60s", description="Of one request.")
    max_answer: Size = Field(
        "256MB",
        description="Of the content of one answer, unpacked; reading one takes several times as much.",
    )
    verify: bool = Field(default=True, description="Whether TLS certificates are checked.")
    setup: dict[Identifier, SetupEntry] = Field(
        default_factory=dict,
        description="What is asked for once a run, before records; `${vars.NAME}` is it.",
    )
    hooks: HookFileName | None = Field(
        None, description="A Python file in the project folder with functions named by stage."
    )
    defaults: dict[str, Any] = Field(default_factory=dict, description="Merged into every sync.")
    syncs: Annotated[dict[ModelName, Sync], Field(min_length=1)]
    tests: list[Case] = Field(
        default_factory=no_entries,
        description="Recorded answers, and what a run has to make of them (`syncrun test`).",
    )

    @property
    def trusted_hosts(self) -> list[str]:
        """The hosts of `allow_hosts` that get credentials."""
        return [host.host for host in self._hosts if host.credentials]

    @property
    def bare_hosts(self) -> list[str]:
        """The hosts of `allow_hosts` that are asked without credentials."""
        return [host.host for host in self._hosts if not host.credentials]

    @property
    def _hosts(self) -> list[AllowedHost]:
        return [AllowedHost(host=host) if isinstance(host, str) else host for host in self.allow_hosts]

    @property
    def auth_entries(self) -> list[Auth]:
        """The ways to authenticate that the connector knows, in the order in which they are tried."""
        if self.auth is None:
            return []
        return list(self.auth) if isinstance(self.auth, list) else [self.auth]

    @property
    def identity_check(self) -> IdentityCheck | None:
        """The request that proves who is asking, where there is one."""
        return self.check if isinstance(self.check, IdentityCheck) else None
