"""Text on its way to a terminal, which obeys some characters instead of showing them."""

from __future__ import annotations

import re

import click

# What moves the cursor, sets colours or titles, or lets text be read in another order than it is written in.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""Return *text* with what a terminal obeys written out as `\u001b`; line breaks and tabs stay.

    JSON means the same afterwards, because inside its texts this is how such a character is written.
    """
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Write *text*, which may come from an API, for people or as JSON: the one way to a terminal."""
    click.echo(visible(text), err=err, nl=nl)
