"""A connector file with all that its checks and lints look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from syncrun.config.base import YamlPath
from syncrun.config.connector import Connector
from syncrun.config.outline import ComputedText, find_computed
from syncrun.config.yaml_file import YamlFile
from syncrun.errors import Problem
from syncrun.expressions.references import Reference, references
from syncrun.expressions.template import template_references


@dataclass(frozen=True)
class Inspection:
    """A connector that is valid key by key, its *file* (defaults merged), and its *path*, if it has one.

    *unsure* holds the paths of parts that were left out because they are invalid: what refers to them
    is no news.
    """

    connector: Connector
    file: YamlFile
    path: Path | None = None
    unsure: frozenset[YamlPath] = field(default_factory=frozenset)

    @property
    def project(self) -> Path | None:
        """The folder that named files must stay in: that of `connectors/`, else the connector file's own."""
        if self.path is None:
            return None
        folder = self.path.absolute().parent
        return folder.parent if folder.name == "connectors" else folder

    @cached_property
    def texts(self) -> tuple[ComputedText, ...]:
        """Every expression and template of the file, with its place."""
        return tuple(find_computed(self.connector))

    def references(self, text: ComputedText) -> list[Reference]:
        """Return the names that *text* reads from its surroundings."""
        return template_references(text.text) if text.kind == "template" else references(text.text)

    def texts_below(self, *path: str | int) -> list[ComputedText]:
        """Return the computed strings at and below *path*."""
        return self._below.get(path, [])

    @cached_property
    def _below(self) -> Mapping[YamlPath, list[ComputedText]]:
        found: dict[YamlPath, list[ComputedText]] = {}
        for text in self.texts:
            for length in range(len(text.path) + 1):
                found.setdefault(text.path[:length], []).append(text)
        return found

    @cached_property
    def samples(self) -> Mapping[str, list[Path]]:
        """The saved answers beside the connector file, `NAME/SYNC*`, by the sync with the longest such name.

        issue_events.json belongs to the sync issue_events, not to issue.
        """
        found: dict[str, list[Path]] = {}
        folder = None if self.path is None else self.path.parent / self.path.stem
        syncs = self.connector.syncs
        for path in sorted(folder.iterdir()) if folder is not None and folder.is_dir() else ():
            lengths = range(len(path.stem), 0, -1)
            owner = next((path.name[:length] for length in lengths if path.name[:length] in syncs), None)
            if owner is not None:
                found.setdefault(owner, []).append(path)
        return found

    def problem(
        self,
        path: YamlPath,
        message: str,
        hint: str = "",
        *,
        key: bool = False,
        offset: int | None = None,
        severity: str = "error",
    ) -> Problem:
        """Return a problem at the value at *path*, at its *key*, or at the character *offset* of its text."""
        place = self.file.place(path, key=key) if offset is None else self.file.character(path, offset)
        return Problem(message, self.file.name, *place, hint, severity)
