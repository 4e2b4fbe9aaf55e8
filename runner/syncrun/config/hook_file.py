"""Python files of hooks as they are read: found in the project folder, and looked at without being run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from syncrun.config.named_file import NamedFileError, read_named_file
from syncrun.errors import Problem

STAGES: Mapping[str, str] = {
    "authenticate": "(request, context)",
    "before_request": "(request, context)",
    "parse_response": "(response, context)",
    "map_record": "(record, context)",
    "next_page": "(response, context)",
    "after_run": "(summary, context)",
}
"""Every stage with the parameters of its function."""

LATER_STAGES = frozenset({"on_webhook"})
_PARAMETERS = 2


class HookFile(Struct, frozen=True):
    """A hook file: its *name* as in YAML, its *path*, and its *source* as it is on disk."""

    name: str
    path: Path
    source: bytes

    @property
    def digest(self) -> str:
        """What tells one content of the file from another."""
        return sha256(self.source).hexdigest()

    def parse(self) -> ast.Module:
        """Return the syntax tree; raise SyntaxError."""
        try:
            return ast.parse(self.source, str(self.path))
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(str(error) or "the file is nested too deep") from None


def read_hook_file(name: str, project: Path | None) -> HookFile:
    """Return the file *name* in the *project* folder, which it cannot leave (R25); raise NamedFileError."""
    if project is None:
        raise NamedFileError("a hook file needs a connector that is a file itself")
    return HookFile(name, *read_named_file(name, project))


class Outline(Struct, frozen=True):
    """What a look at a hook file shows: its *stages*, the text constants in it, and what is wrong with it."""

    stages: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


def outline_of(file: HookFile, shown: str) -> Outline:
    """Return what the names and signatures in *file*, called *shown* in messages, say; nothing is run."""
    try:
        tree = file.parse()
    except SyntaxError as error:
        message = f"no valid Python: {error.msg}"
        line, column = max(error.lineno or 1, 1), max(error.offset or 1, 1)
        return Outline(problems=(Problem(message, shown, line, column),))
    found = dict(_definitions(tree.body))
    problems: list[Problem] = []
    for name, node in found.items():
        for message, hint in _judge(name, node, found):
            problems.append(Problem(message, shown, node.lineno, node.col_offset + 1, hint))
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    texts = frozenset(value for value in constants if isinstance(value, str))
    return Outline(frozenset(found.keys() & STAGES.keys()), texts, tuple(problems))


def _definitions(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Yield what gets a name at the top level of a module, as far as it can be seen."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name, node) for alias in names)
            case ast.If() | ast.With():
                yield from _definitions([*node.body, *getattr(node, "orelse", ())])
            case ast.Try():
                handled = [statement for handler in node.handlers for statement in handler.body]
                yield from _definitions([*node.body, *handled, *node.orelse, *node.finalbody])


def _judge(name: str, node: ast.stmt, defined: Mapping[str, ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield message and hint when *name* is meant for a stage and does not fit it."""
    if name in LATER_STAGES:
        yield f"'{name}' is not available yet in this version of syncrun", ""
    elif name in STAGES:
        yield from _judge_stage(name, node)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not name.startswith("_"):
        near = _near(name)
        if near and near not in defined:
            yield f"unknown hook '{name}'", f"did you mean '{near}'? names that start with _ are your own"


def _near(name: str) -> str:
    """Return the stage that *name* may be a misspelling of; empty when there is none."""
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), [*STAGES, *LATER_STAGES], n=1, cutoff=0.75)
    return near[0] if near else ""


def _judge_stage(name: str, node: ast.stmt) -> Iterator[tuple[str, str]]:
    wanted = STAGES[name]
    if isinstance(node, ast.AsyncFunctionDef):
        yield f"the hook '{name}' must be a plain function", "write def instead of async def"
    elif isinstance(node, ast.ClassDef):
        yield f"the hook '{name}' must be a function", f"write def {name}{wanted}:"
    elif isinstance(node, ast.FunctionDef) and not node.decorator_list and not _takes_two(node.args):
        yield f"the hook '{name}' must take {wanted}", f"write def {name}{wanted}:"


def _takes_two(args: ast.arguments) -> bool:
    """Whether a function can be called with two values, and does not name the context first."""
    positional = [*args.posonlyargs, *args.args]
    if any(default is None for default in args.kw_defaults):
        return False  # a keyword that has to be given
    if len(positional) - len(args.defaults) > _PARAMETERS:
        return False
    first = positional[0].arg if positional else ""
    return first != "context" and (len(positional) >= _PARAMETERS or args.vararg is not None)
