"""The memory of when nothing is due: it holds until a time, a change of a file, or another version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncrun.engine import idle
from syncrun.engine.idle import Memory, state_of

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    (tmp_path / "syncrun.yaml").write_text("connections: {}\n")
    return Memory(tmp_path, None, {"XDG_CACHE_HOME": str(tmp_path / "cache")})


def keep(memory: Memory, *paths: Path) -> None:
    memory.keep(paths, state_of(paths), "nothing", NOW, NOW + HOUR)


def test_it_holds_until_its_time_and_not_before_it_was_made(memory: Memory) -> None:
    keep(memory)
    assert memory.recall(NOW) == "nothing"
    assert memory.recall(NOW + HOUR - timedelta(seconds=1)) == "nothing"
    assert memory.recall(NOW + HOUR) is None
    assert memory.recall(NOW - timedelta(seconds=1)) is None  # the clock was set back


def test_it_ends_when_a_file_changes_comes_or_goes(memory: Memory, tmp_path: Path) -> None:
    file, missing = tmp_path / "a", tmp_path / "b"
    file.write_text("1")
    keep(memory, file, missing)
    assert memory.recall(NOW) == "nothing"
    missing.touch()
    assert memory.recall(NOW) is None
    missing.unlink()
    assert memory.recall(NOW) == "nothing"
    file.write_text("12")
    assert memory.recall(NOW) is None


def test_it_is_of_one_project_in_one_environment(memory: Memory, tmp_path: Path) -> None:
    keep(memory)
    assert Memory(tmp_path / "syncrun.yaml", None, memory.environ).recall(NOW) == "nothing"
    assert Memory(tmp_path, "prod", memory.environ).recall(NOW) is None
    assert Memory(tmp_path.parent, None, memory.environ).recall(NOW) is None


def test_another_version_of_syncrun_looks_again(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(memory)
    monkeypatch.setattr(idle, "__version__", "99")
    assert memory.recall(NOW) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', "nonsense"])
def test_a_damaged_memory_is_none(memory: Memory, text: str) -> None:
    keep(memory)
    [file] = Path(memory.environ["XDG_CACHE_HOME"]).rglob("*.json")
    file.write_text(text)
    assert memory.recall(NOW) is None


def test_without_a_place_for_it_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    memory = Memory(tmp_path, None, {"XDG_CACHE_HOME": str(tmp_path / "file")})
    keep(memory)
    assert memory.recall(NOW) is None
