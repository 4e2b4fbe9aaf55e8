"""Text that is not ours is cut at one place, after it was masked (R23)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import syncrun
from syncrun.excerpts import excerpt, watching
from syncrun.http.redact import Redactor

ROOT = Path(syncrun.__file__).parent


def cuts() -> Iterator[str]:
    """Yield every slice in the package that keeps the start of something, and shows what is left with an ellipsis."""
    for path in sorted(ROOT.rglob("*.py")):
        name = str(path.relative_to(ROOT))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp | ast.JoinedStr | ast.FormattedValue) and "[:" in ast.unparse(node):
                text = ast.unparse(node)
                if "…" in text and not text.startswith("', '.join"):
                    yield f"{name}: {text}"


def slices() -> Iterator[str]:
    """Yield every slice from the start by a number, or a constant in capitals, of what a message may show."""
    for path in sorted(ROOT.rglob("*.py")):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.FormattedValue) and "[:" in ast.unparse(node)):
                continue
            for part in ast.walk(node):
                at = part.slice if isinstance(part, ast.Subscript) else None
                if isinstance(at, ast.Slice) and at.lower is None and at.upper is not None:
                    yield f"{name}: {ast.unparse(part)}"


def test_r23_nothing_but_excerpts_cuts_text_for_a_message() -> None:
    ours = ("excerpts.py:", "http/redact.py:", "config/problems.py:")  # problems: lines of a YAML file
    assert [found for found in cuts() if not found.startswith(ours)] == []


def test_r23_no_message_shows_the_start_of_a_text_by_a_slice() -> None:
    lists = ("names[:_SHOWN]", "lists[:_MOST]", "candidates[:_MOST]", "list(body)[:", "found[:_SHOWN]")
    digests = (
        "digest[:",
        "hexdigest()[:",
        "detail['msg'][:1]",
        "noun[:-1]",
        "text[:-scale]",
        "credentials.py: _UNSAFE.sub",
    )
    left = [found for found in slices() if not any(fine in found for fine in (*lists, *digests))]
    assert left == []


def test_r23_a_secret_at_the_cut_is_masked_whole() -> None:
    redactor = Redactor(["hunter22-hunter22"])
    for before in range(40):
        shown = excerpt("x" * before + "hunter22-hunter22", 40, masker=redactor)
        assert "hunter" not in shown
    assert redactor.text("hunter22-hunter22") == "***"


def test_excerpts_of_a_long_text_take_no_long_look() -> None:
    assert len(excerpt("a" * 10_000_000, 200)) == 200
    assert excerpt("short", 200) == "short"


def test_r23_what_one_masks_does_not_hide_from_another_what_it_knows() -> None:
    with watching(Redactor(["abcd-1234"])), watching(Redactor(["1234-efgh-5678"])):
        assert excerpt("key abcd-1234-efgh-5678.", 40) == "key ***."
        assert excerpt("abcd-1234abcd-1234", 40) == "******"
    assert excerpt("key abcd-1234.", 40) == "key abcd-1234."
