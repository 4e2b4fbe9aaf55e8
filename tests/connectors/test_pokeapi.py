"""The PokéAPI connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.replay import Answer, Replay

URL = "https://pokeapi.co/api/v2"
POKEMON = (
    Answer(f"{URL}/pokemon/?limit=500", "pokemon.1.json"),
    Answer(f"{URL}/pokemon/?offset=4&limit=4", "pokemon.2.json"),
)
TYPES = (
    Answer(f"{URL}/type/?limit=500", "types.1.json"),
    Answer(f"{URL}/type/?offset=3&limit=3", "types.2.json"),
)


def test_lists_are_read_by_their_next_urls_and_ids_come_from_addresses(tmp_path: Path) -> None:
    api = Replay("pokeapi", tmp_path)

    report = api.run("pokemon", *POKEMON)

    assert (report.status, report.pages, report.changes.added) == ("ok", 2, 7)
    assert api.rows("SELECT id, name, url FROM pokeapi.pokemon WHERE id > 600 ORDER BY id") == [
        {"id": 669, "name": "flabebe", "url": "https://pokeapi.co/api/v2/pokemon/669/"},
        {"id": 10034, "name": "charizard-mega-x", "url": "https://pokeapi.co/api/v2/pokemon/10034/"},
        {"id": 10080, "name": "pikachu-rock-star", "url": "https://pokeapi.co/api/v2/pokemon/10080/"},
    ]


def test_all_lists_share_one_shape(tmp_path: Path) -> None:
    api = Replay("pokeapi", tmp_path)

    assert set(api.connector.syncs) == {"pokemon", "abilities", "types", "moves", "items", "berries"}
    assert {tuple(sync.field_specs or ()) for sync in api.connector.syncs.values()} == {("id", "name", "url")}
    assert api.run("types", *TYPES).changes.added == 5
    assert api.rows("SELECT list(name ORDER BY id) AS names FROM pokeapi.types") == [
        {"names": ["normal", "fire", "fairy", "unknown", "shadow"]}
    ]


def test_a_second_read_changes_nothing(tmp_path: Path) -> None:
    api = Replay("pokeapi", tmp_path)
    api.run("types", *TYPES)

    changes = api.run("types", *TYPES).changes

    assert (changes.added, changes.updated, changes.deleted, changes.unchanged) == (0, 0, 0, 5)
