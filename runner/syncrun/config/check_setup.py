"""What `setup` reads must be known when it is requested: entries come one after the other, as written."""

from __future__ import annotations

from collections.abc import Iterator

from syncrun.config.base import YamlPath
from syncrun.config.inspection import Inspection
from syncrun.config.outline import ComputedText
from syncrun.errors import Problem
from syncrun.expressions.references import Reference


def check_setup(inspection: Inspection) -> Iterator[Problem]:
    """Check that no entry reads itself or a later one, also not by way of `base_url`."""
    names = list(inspection.connector.setup)
    base = [found.member for _, found in _vars_in(inspection, ("base_url",))]
    for index, (name, entry) in enumerate(inspection.connector.setup.items()):
        later = frozenset(names[index:])
        at: YamlPath = ("setup", name, "request")
        for text, found in _vars_in(inspection, at):
            if found.member in later:
                hint = "entries are requested in the order in which they are written"
                message = _too_early(name, found.member)
                yield inspection.problem(text.path, message, hint, offset=found.offset)
        unknown = [
            f"${{vars.{member}}}" if member else "${vars}" for member in base if member in {*later, None}
        ]
        if unknown and entry.request_spec.url is None:
            message = f"setup.{name} needs base_url, which needs {unknown[0]}"
            yield inspection.problem(at, message, "give its request a url: of its own")
    yield from _check_login(inspection, reads_vars=bool(base))


def _check_login(inspection: Inspection, *, reads_vars: bool) -> Iterator[Problem]:
    """Check that no login goes to a `base_url` that is known only after it."""
    for text in inspection.texts_below("auth") if reads_vars else ():
        if text.path[-1] == "path":
            message = "this login needs base_url, which reads ${vars.…}: setup has to sign in first"
            yield inspection.problem(text.path, message, "give it a url: of its own")


def _vars_in(inspection: Inspection, path: YamlPath) -> Iterator[tuple[ComputedText, Reference]]:
    for text in inspection.texts_below(*path):
        for found in inspection.references(text) if text.kind == "template" else ():
            if found.root == "vars":
                yield text, found


def _too_early(name: str, member: str | None) -> str:
    if member == name:
        return f"setup.{name} reads itself"
    return f"setup.{name} reads ${{vars.{member}}}, which is requested after it"
