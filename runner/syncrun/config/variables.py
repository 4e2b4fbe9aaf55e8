"""`${env.NAME}` in the values of a project file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncrun.config.connection_config import UnsetVariable
from syncrun.expressions.template import template_references


def render_variables(value: Any, variables: Mapping[str, str]) -> Any:
    """Return *value* with its `${env.NAME}` replaced; an `UnsetVariable` when one has no value."""
    from syncrun.expressions.template import render

    missing = _find_unset(value, variables)
    return UnsetVariable(missing) if missing else render(value, {"env": dict(variables)})


def _find_unset(value: Any, variables: Mapping[str, str]) -> str | None:
    """Return the first variable that *value* reads and that is unset or empty."""
    if isinstance(value, str):
        names = (reference.member for reference in template_references(value) if reference.root == "env")
        return next((name for name in names if name and not variables.get(name)), None)
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((name for member in members if (name := _find_unset(member, variables))), None)
