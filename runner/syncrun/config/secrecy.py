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
_LONG = 8  # characters

# What `auth` says of who comes, and the trees in it whose other members do.
_WHO = frozenset({"username", "client_id", "access_key_id", "key_id"})
_TREES = frozenset({"claims", "headers", "json", "form", "params", "token_params", "authorize_params"})
# Names of headers and config values that say whose data is meant.
_WHOSE = re.compile(
    r"(?:^|[_-])(?:ids?|user|username|email|login|name|account|tenant|org|organi[sz]ation|workspace|site|domain"
    r"|subdomain|host|url|project|team|shop|store|realm|issuer|audience|agent)$",
    re.IGNORECASE,
)
# Names of config values that mean a secret; `project_key` is the name of a project.
_NAMED = re.compile(r"(?:^|_)(?:key|code|sid|session|sig|auth)$", re.IGNORECASE)


def is_named_secret(name: str) -> bool:
    """Whether a config value, or an entry of `setup`, of this name is a secret wherever it is used."""
    return is_sensitive_name(name) and (_NAMED.search(name) is None or name.lower() in ("auth", "sig"))


def credential_templates(connector: Connector, sync: str | None = None) -> dict[str, bool]:
    """Return the templates in *connector* that make credentials: in `auth`, in headers, in what is called so.

    Those of a *sync* are its own request's; None: of none. A template is true when what it makes opens the
    door, and false when it only says who comes, such as the name of a user.
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
    opens: dict[str, bool] = {}
    for text in found:
        if text.kind == "template" and _is_credential(text):
            opens[text.text] = opens.get(text.text, False) or _opens(text)
    return opens


def _opens(text: ComputedText) -> bool:
    """Whether what *text* makes opens the door, by its place and by what it is made of."""
    names = [str(part) for part in text.path]
    if is_sensitive_name(names[-1]):
        return True
    if names[0] == "auth":
        return names[-1] not in _WHO and not _TREES & set(names[:-1])
    read = {reference.member or "" for reference in template_references(text.text)}
    return _WHOSE.search(names[-1]) is None and not all(_WHOSE.search(name) for name in read)


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


def secret_config(connector: Connector, sync: str | None = None, *, hooked: bool = False) -> dict[str, bool]:
    """Return the config values that are secret: declared, named, or used as a credential; true as there.

    With *hooked* a function signs requests, with whichever of them it likes. What `base_url` reads is no
    secret by that: it is looked up in public.
    """
    found: dict[str, bool] = {}
    if hooked:
        found = {name: _WHOSE.search(name) is None for name in connector.config}
    for text, opens in credential_templates(connector, sync).items():
        for name in _read((text,), "config", connector.config):
            found[name] = found.get(name, False) or opens
    for name in _read((connector.base_url,), "config", connector.config):
        found.pop(name, None)
    declared = (name for name, entry in connector.config.items() if entry.secret or is_named_secret(name))
    return found | dict.fromkeys(declared, True)


def secret_values(
    connector: Connector, config: Mapping[str, Any], sync: str | None = None, *, hooked: bool = False
) -> Iterator[tuple[str, bool]]:
    """Yield the texts in *config* that must never be shown, true for those that open the door."""
    for name, opens in secret_config(connector, sync, hooked=hooked).items():
        entry = connector.config[name]
        if not entry.secret and (entry.enum is not None or config.get(name) == entry.default):
            continue  # everyone can read it in the connector's file
        for text in texts_of(config.get(name)):
            if entry.secret or is_telling(text):
                yield text, opens


def long_texts(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts in *config* that are as long as credentials, and no sentences."""
    for text in texts_of(dict(config)):
        if len(text) >= _LONG and is_telling(text) and not re.search(r"\s", text):
            yield text


def opens_door(connector: Connector, name: str, sync: str) -> bool:
    """Whether what `setup` finds out as *name* is a credential itself, by its name, its source or its use."""
    last = re.findall(r"\w+", connector.setup[name].value)[-1:]
    if is_named_secret(name) or any(map(is_named_secret, last)):
        return True
    used = (text for text, opens in credential_templates(connector, sync).items() if opens)
    return name in _read(used, "vars", connector.setup)


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
