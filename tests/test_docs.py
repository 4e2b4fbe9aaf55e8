"""The documentation is true: its files are valid, its commands work, and its output is what comes out.

Each Markdown file is one story in a new folder. A `yaml` block names its file in its first line; an `sh` block
is run, and so is a `python` block that names no file; a `text` block is what the commands before it wrote; a
`cron` block is one crontab line.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api import Answer, Api, Received
from tests.project_folder import clean_environment

ROOT = Path(__file__).parents[1]
STORIES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LONG = ("how-to.md", "environments.md")
SAMPLES = ROOT / "connectors" / "github_repo"
GITHUB = "https://api.github.com"
# these two install the project, and are run by .ci/run
INSTALLING = ("<!-- demo -->", "<!-- tests -->")

_BLOCK = re.compile(
    r"(?:^(?P<marker><!-- [^\n]* -->)\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    kind: str
    text: str
    line: int


def blocks_of(file: Path) -> Iterator[Block]:
    text = file.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        if match["marker"] not in INSTALLING:
            yield Block(match["kind"], match["text"], text.count("\n", 0, match.start("kind")) + 1)


class Reader:
    """Somebody who follows a page word by word, in `~/my-syncs`; the APIs it names are on this machine."""

    def __init__(self, home: Path, api: Api) -> None:
        self.folder = home / "my-syncs"
        self.folder.mkdir()
        self._api = api
        self._bin = home / "bin"
        self._bin.mkdir()
        command = self._bin / "syncrun"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m syncrun "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        self._home = home
        self.output = ""
        built_in = SAMPLES.with_suffix(".yaml")
        self._file(f"# connectors/{built_in.name}\n" + built_in.read_text(encoding="utf-8"))

    def follow(self, block: Block) -> None:
        getattr(self, f"_{block.kind or 'plain'}")(block.text)

    def _file(self, text: str) -> None:
        first, _, _ = text.partition("\n")
        name = re.fullmatch(r"# ([\w./-]+\.(?:yaml|py))", first)
        assert name is not None, "a block names its file in its first line"
        path = self.folder / name[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace(GITHUB, self._api.url), encoding="utf-8")

    def _yaml(self, text: str) -> None:
        self._file(text)

    def _sh(self, text: str, folder: Path | None = None) -> None:
        environment = clean_environment()
        environment |= {"HOME": str(self._home), "PATH": f"{self._bin}:{environment['PATH']}"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=folder or self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.output = done.stderr + done.stdout
        assert done.returncode == 0, f"exit {done.returncode}\n{self.output}"

    def _python(self, text: str) -> None:
        if re.match(r"# [\w./-]+\.py\n", text):
            self._file(text)
            return
        self._sh(f"'{sys.executable}' - <<'END'\n{text}END\n")

    def _text(self, text: str) -> None:
        assert _timeless(text) in _timeless(self.output)

    def _cron(self, text: str) -> None:
        fields = text.split(maxsplit=5)
        assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields[:5])
        self._sh(fields[5], folder=self._home)
        assert self.output == ""


def _timeless(text: str) -> str:
    return re.sub(r"\d+\.\d s", "0.0 s", text)


@pytest.fixture
def github() -> Iterator[Api]:
    """What the pages read from GitHub, on this machine."""
    with Api() as api:
        repo = "/repos/duckdb/duckdb"

        def pages(request: Received) -> Answer:
            sync, page = request.path.removeprefix(f"{repo}/"), request.params.get("page", "1")
            more = "&" if "?" in request.target else "?"
            link = f'<{api.url}{request.target}{more}page=2>; rel="next"' if page == "1" else ""
            body = (SAMPLES / f"{sync}.{page}.json").read_bytes()
            return Answer(body=body, content_type="application/json", headers={"Link": link})

        for sync in ("issues", "releases"):
            api.on(f"GET {repo}/{sync}", pages)
        yield api


def story(file: Path) -> Any:
    """Return the parameter of a page; those with many commands are for `-m slow`."""
    return pytest.param(file, id=file.name, marks=[pytest.mark.slow] if file.name in LONG else [])


@pytest.mark.parametrize("file", list(map(story, STORIES)))
def test_a_reader_who_follows_the_page_gets_what_it_says(file: Path, tmp_path: Path, github: Api) -> None:
    reader = Reader(tmp_path, github)
    for block in blocks_of(file):
        try:
            reader.follow(block)
        except AssertionError as error:
            raise AssertionError(f"{file.name}:{block.line}: {error}") from None
