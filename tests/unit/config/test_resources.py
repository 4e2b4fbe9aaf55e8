from __future__ import annotations

from pathlib import Path

import pytest

from syncrun import resources


def make_tree(root: Path, *, source: bool, bundled: bool) -> Path:
    package = root / ("runner/syncrun" if source else "site-packages/syncrun")
    package.mkdir(parents=True)
    if source:
        (root / "pyproject.toml").touch()
        (root / "schemas").mkdir()
    if bundled:
        (package / "_data" / "schemas").mkdir(parents=True)
    return package


def test_the_wheel_brings_its_folders_inside_the_package(tmp_path: Path) -> None:
    package = make_tree(tmp_path, source=False, bundled=True)
    assert resources.find_folder("schemas", package) == package / "_data" / "schemas"


@pytest.mark.parametrize("bundled", [False, True])
def test_the_source_tree_wins_over_copies_left_by_a_build(tmp_path: Path, bundled: bool) -> None:
    package = make_tree(tmp_path, source=True, bundled=bundled)
    assert resources.find_folder("schemas", package) == tmp_path / "schemas"


def test_a_foreign_folder_beside_an_installed_package_is_not_taken(tmp_path: Path) -> None:
    package = make_tree(tmp_path, source=False, bundled=True)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "pyproject.toml").touch()
    assert resources.find_folder("schemas", package) == package / "_data" / "schemas"


def test_a_broken_installation_is_told(tmp_path: Path) -> None:
    package = make_tree(tmp_path, source=False, bundled=False)
    with pytest.raises(FileNotFoundError, match="this installation lacks its folder 'schemas'"):
        resources.find_folder("schemas", package)


def test_this_program_has_its_connectors_and_schemas() -> None:
    assert (resources.folder("connectors") / "pokeapi.yaml").is_file()
    assert (resources.folder("schemas") / "connector.schema.json").is_file()
