"""Answers what a shell asks on <TAB>: in an instant, from names alone, and silently when anything is wrong.

Commands import much more than a keystroke can wait for. So words are found here without them, in the YAML
files and folders; only for options the command itself is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncrun import resources
from syncrun.config.project_file import find_project_file

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

VARIABLE = "_SYNCRUN_COMPLETE"
"""The environment variable by which the shell's script says what it wants."""

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Names:
    """What can be named in the project around *folder*; files that cannot be read have no names."""

    folder: Path

    @cached_property
    def project(self) -> Path | None:
        """The project file: *folder* itself, or in it or above it."""
        return self.folder if self.folder.is_file() else find_project_file(self.folder)

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """The project file's content."""
        return {} if self.project is None else _mapping(self.project)

    @property
    def connections(self) -> dict[str, str]:
        """The connector of each connection."""
        found = _members(self.content, "connections")
        return {name: str(value.get("connector")) for name, value in found.items() if isinstance(value, dict)}

    @property
    def environments(self) -> list[str]:
        """The environments."""
        return list(_members(self.content, "environments"))

    @cached_property
    def connectors(self) -> dict[str, Path]:
        """The connector files, the project's own before the built-in ones."""
        root = self.folder if self.project is None else self.project.parent
        found: dict[str, Path] = {}
        for folder in (root / "connectors", resources.folder("connectors")):
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                if path.suffix in _SUFFIXES:
                    found.setdefault(path.stem, path)
        return found

    def targets(self, incomplete: str) -> Iterator[str]:
        """Yield connections, or connectors where none fits; and the syncs of the one that is meant."""
        name, slash, _ = incomplete.partition("/")
        known = self.connections
        meant = [n for n in known if n == name] if slash else [n for n in known if n.startswith(name)]
        if not meant:
            known = {n: n for n in self.connectors}
            meant = [n for n in known if n == name] if slash else [n for n in known if n.startswith(name)]
        if not slash:
            yield from meant
        if len(meant) == 1:
            file = self.connectors.get(known[meant[0]])
            syncs = _members(_mapping(file), "syncs") if file is not None else {}
            yield from (f"{meant[0]}/{sync}" for sync in syncs)


Source = Callable[[Names, str], Iterable[str]]


def _targets(names: Names, incomplete: str) -> Iterable[str]:
    return names.targets(incomplete)


def _runs(names: Names, incomplete: str) -> Iterable[str]:
    return ["last", *names.targets(incomplete)]


def _connections(names: Names, incomplete: str) -> Iterable[str]:
    del incomplete
    return names.connections


def _connectors(names: Names, incomplete: str) -> Iterable[str]:
    del incomplete
    return names.connectors


def _environments(names: Names, incomplete: str) -> Iterable[str]:
    del incomplete
    return names.environments


def _one_of(*words: str) -> Source:
    return lambda _names, _incomplete: words


ARGUMENTS: Mapping[str, Source] = {
    "auth login": _connections,
    "auth logout": _connections,
    "auth status": _connections,
    "checkpoint clear": _targets,
    "checkpoint set": _targets,
    "checkpoint show": _targets,
    "completion": _one_of("bash", "fish", "zsh"),
    "deploy": _environments,
    "dev": _targets,
    "diff": _runs,
    "dryrun": _targets,
    "explain": _targets,
    "logs": _runs,
    "pause": _targets,
    "records": _targets,
    "resume": _targets,
    "run": _targets,
    "runs": _targets,
    "schema": _one_of("connector", "events", "project"),
    "test": _connectors,
}
"""What the arguments of a command are names of; other commands take none, or files."""

OPTIONS: Mapping[str, Source] = {
    "--connector": _connectors,
    "--env": _environments,
    "-e": _environments,
    "--sync": _targets,
}


def words(args: Sequence[str], incomplete: str, commands: Iterable[str]) -> list[str] | None:
    """Return how *incomplete*, which comes after *args*, may go on; None where only the command knows."""
    previous = args[-1] if args else ""
    if previous in OPTIONS:
        return _fitting(OPTIONS[previous](_names(args), incomplete), incomplete)
    if incomplete.startswith("-"):
        return None
    if not args:
        return _fitting(commands, incomplete)
    groups = {name.split()[0] for name in ARGUMENTS if " " in name}
    if args[0] in groups and len(args) == 1:
        below = (name.split()[1] for name in ARGUMENTS if name.startswith(f"{args[0]} "))
        return _fitting(below, incomplete)
    source = ARGUMENTS.get(" ".join(args[: 2 if args[0] in groups else 1]))
    return None if source is None else _fitting(source(_names(args), incomplete), incomplete)


def answer(group: click.Group, commands: Iterable[str], environ: Mapping[str, str]) -> None:
    """Write what the shell that has set `VARIABLE` can go on with; nothing when anything is wrong."""
    import click
    from click.shell_completion import CompletionItem, get_completion_class

    try:
        kind = get_completion_class(environ[VARIABLE].partition("_")[0])
        if kind is None:
            return
        shell = kind(group, {}, "syncrun", VARIABLE)
        args, incomplete = shell.get_completion_args()
        found = words(args, incomplete, commands)
        items: list[CompletionItem[str]] = [CompletionItem(word) for word in found or ()]
        if found is None:
            items = shell.get_completions(args, incomplete)
        click.echo("\n".join(shell.format_completion(item) for item in items))
    except Exception:  # noqa: BLE001 - a message would land in the line that somebody is typing
        return


def _names(args: Sequence[str]) -> Names:
    """Return the names in the project that *args* ask for."""
    for option, value in pairwise(args):
        if option in ("-p", "--project"):
            return Names(Path(value).expanduser())
    return Names(Path.cwd())


def _fitting(found: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in found if word.startswith(incomplete)]


def _mapping(path: Path) -> dict[str, Any]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        value = yaml.load(path.read_bytes(), loader)  # noqa: S506 - a safe one
    except (OSError, yaml.YAMLError):
        return {}
    return value if isinstance(value, dict) else {}


def _members(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = mapping.get(key)
    return {str(name): member for name, member in value.items()} if isinstance(value, dict) else {}
