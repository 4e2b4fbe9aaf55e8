"""Which values are secret because of where a connector uses them, `secret: true` or not (R23)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from syncrun.config.connector import Connector
from syncrun.config.outline import ComputedText, find_computed
from syncrun.expressions.fields import TemplateTree
from syncrun.expressions.template import parse_template, template_references
from syncrun.secrets import is_sensitive_name, is_telling, texts_of

# What `auth` says about places, and about what is asked for: everyone who reads a message needs it.
_PLACES = frozenset(
    {"when", "token_url", "authorize_url", "device_url", "revoke_url", "redirect_uri", "url", "path"}
    | {"region", "service", "scopes", "aud", "scope"}
)
# Headers that say how somebody asks, not who does.
_OPEN_HEADERS = re.compile(
    r"(?:accept|content|user|if|cache|prefer|consistency|date|host|referer|origin)(?:-.*)?"
    r"|.*(?:version|language|locale|region|timezone|currency|page|limit|format|request-id)",
    re.IGNORECASE,
)
# Names of config values that mean a secret; `project_key` is the name of a project.
_NAMED = re.compile(r"(?:^|_)(?:key|code|sid|session|sig|auth)$", re.IGNORECASE)


def is_named_secret(name: str) -> bool:
    """Whether a config value, or an entry of `setup`, of this name is a secret wherever it is used."""
    return is_sensitive_name(name) and (_NAMED.search(name) is None or name.lower() in ("auth", "sig"))


def credential_templates(connector: Connector, sync: str | None = None) -> Iterator[str]:
    """Yield the templates in *connector* that make credentials: in `auth`, in headers, in what is called so.

    Those of a *sync* are its own request's; None: of none.
    """
    found = [
        text
        for index, auth in enumerate(connector.auth_entries)
        for text in find_computed(auth, path=("auth", index))
        if not _PLACES & {str(part) for part in text.path} or _in_query(text)
    ]
    found += find_computed({"headers": connector.headers}, dict[str, dict[str, TemplateTree]])
    models: list[Any] = [entry.request_spec for entry in connector.setup.values()]
    models += [connector.syncs[sync]] if sync is not None else []
    found += [text for model in models for text in find_computed(model)]
    for text in found:
        if text.kind == "template" and _is_credential(text):
            yield text.text


def _is_credential(text: ComputedText) -> bool:
    names = [str(part) for part in text.path]
    if parse_template(text.text).constant:  # everyone can read it in the file, unless it is called a secret
        return is_sensitive_name(names[-1])
    if names[0] == "auth":
        return True
    if "headers" in names[:-1]:
        return _OPEN_HEADERS.fullmatch(names[names.index("headers") + 1]) is None
    return not {"params", "json", "form"}.isdisjoint(names[:-1]) and is_sensitive_name(names[-1])


def _in_query(text: ComputedText) -> bool:
    """Whether *text* is an address that says more than where."""
    return text.path[-1] in ("url", "path") and "?" in text.text


def secret_config(connector: Connector, sync: str | None = None, *, hooked: bool = False) -> frozenset[str]:
    """Return the names of the config values that are secret: declared, named, or used as a credential.

    With *hooked* a function signs requests, with whichever of them it likes. What `base_url` reads is no
    secret by that: it is looked up in public.
    """
    names = {name for name, entry in connector.config.items() if entry.secret or is_named_secret(name)}
    public = _read((connector.base_url,), "config", connector.config)
    used = (
        set(connector.config)
        if hooked
        else _read(credential_templates(connector, sync), "config", connector.config)
    )
    return frozenset(names | (used - public))


def secret_values(
    connector: Connector, config: Mapping[str, Any], sync: str | None = None, *, hooked: bool = False
) -> Iterator[str]:
    """Yield the texts in *config* that must never be shown."""
    for name in secret_config(connector, sync, hooked=hooked):
        entry = connector.config[name]
        declared = entry.secret
        if not declared and (entry.enum is not None or config.get(name) == entry.default):
            continue  # everyone can read it in the connector's file
        yield from (text for text in texts_of(config.get(name)) if declared or is_telling(text))


def is_secret_var(connector: Connector, name: str) -> bool:
    """Whether what `setup` finds out as *name* is a secret; the address of the API is none."""
    return is_named_secret(name) or name not in _read((connector.base_url,), "vars", connector.setup)


def _read(texts: Any, root: str, known: Mapping[str, Any]) -> set[str]:
    """Return the members of *root*, of those *known*, that the templates *texts* read."""
    found: set[str] = set()
    for text in texts:
        for reference in template_references(text):
            if reference.root == root:
                found |= set(known) if reference.member is None else {reference.member} & set(known)
    return found
