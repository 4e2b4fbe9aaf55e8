"""The tables that the Datasette server publishes, and what SQLite itself says is in them."""

from __future__ import annotations

import json
import sqlite3

ITEMS, LINES = 350, 299

_NAMES = ("plain", "Grüße, Øystein", "日本語 🎈", 'a "quoted"\nline', "", "zero\u200bwidth", "NULL", "0042")
_STOCK = (0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))


def create_tables(database: sqlite3.Connection) -> None:
    """Create both tables anew, with every kind of value that SQLite can publish as JSON."""
    database.executescript("""
        BEGIN;
        DROP TABLE IF EXISTS items;
        DROP TABLE IF EXISTS lines;
        CREATE TABLE items (
            id INTEGER PRIMARY KEY, name TEXT, price REAL, stock INTEGER, tags TEXT,
            changed_at TEXT, note TEXT
        );
        CREATE TABLE lines (order_no TEXT, line INTEGER, qty INTEGER, PRIMARY KEY (order_no, line));
        COMMIT;
    """)
    database.execute("BEGIN")
    database.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)", map(_item, range(1, ITEMS + 1)))
    # a compound key whose parts hold the characters that page tokens are made of
    lines = ((f"A,{number // 3}/~x", number % 3, number) for number in range(LINES))
    database.executemany("INSERT INTO lines VALUES (?, ?, ?)", lines)
    database.execute("COMMIT")


def _item(number: int) -> tuple[object, ...]:
    name = f"{_NAMES[number % len(_NAMES)]} {number}"
    price = None if number % 7 == 0 else number * 1.25
    stock = _STOCK[number] if number < len(_STOCK) else number * 1000
    tags = (
        json.dumps({"colours": ["red", "grün"][: number % 3], "weight": number / 4}) if number % 2 else None
    )
    return number, name, price, stock, tags, f"2024-05-{number % 28 + 1:02} 10:30:00", None
