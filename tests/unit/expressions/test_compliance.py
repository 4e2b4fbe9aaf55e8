"""The JMESPath compliance suite, through compiled code, through mappings and through the interpreter."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncrun.errors import EvaluationError, ExpressionError
from syncrun.expressions.compile import compile_expression, compile_mapping, interpret, parse

PROJECT = Path(__file__).parents[3]
DEFAULT_FOLDER = PROJECT.parent / "shared" / "data" / "jmespath-compliance"
FOLDER = Path(os.environ.get("SYNCRUN_JMESPATH_COMPLIANCE", DEFAULT_FOLDER))

# what can be known without data is refused by the parser
STATIC = {"syntax", "unknown-function", "invalid-arity", "invalid-value"}


def map_one(text: str) -> Any:
    evaluate = compile_mapping([text])
    return lambda value: evaluate(value)[0]


ENGINES = {"compiled": compile_expression, "mapped": map_one, "interpreted": interpret}


def read_cases() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    for path in sorted(FOLDER.glob("*.json")):
        for number, group in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            for case in group["cases"]:
                yield f"{path.stem}[{number}]", group["given"], case


CASES = list(read_cases())


def test_the_compliance_suite_is_there() -> None:
    assert len(CASES) > 800, (
        f"no JMESPath compliance suite in {FOLDER}; "
        "set SYNCRUN_JMESPATH_COMPLIANCE to the folder of its JSON files"
    )


def failures_of(engine: str) -> list[str]:
    compile_one = ENGINES[engine]
    failures = []
    for group, given, case in CASES:
        text = case["expression"]
        try:
            actual = json.dumps(compile_one(text)(given))
        except ExpressionError:
            actual = "refused"
        except EvaluationError:
            actual = "failed"
        if "error" in case:
            good = {"refused"} if case["error"] in STATIC else {"refused", "failed"}
        elif "bench" in case:
            good = {actual} - {"refused", "failed"}
        else:
            good = {json.dumps(case["result"])}
        # the suite leaves the order of members open
        same = actual in good or (
            "result" in case and actual[:1] in "[{" and json.loads(actual) == case["result"]
        )
        if not same:
            failures.append(f"{group}: {text!r} gives {actual}, not {' or '.join(sorted(good))}")
    return failures


@pytest.mark.parametrize("engine", ENGINES)
def test_every_case_gives_what_the_suite_says(engine: str) -> None:
    assert failures_of(engine) == []


def test_every_case_gives_the_same_from_one_mapping_of_all_of_a_group() -> None:
    groups: dict[str, tuple[Any, list[tuple[str, Any]]]] = {}
    for group, given, case in CASES:
        if "result" in case:
            groups.setdefault(group, (given, []))[1].append((case["expression"], case["result"]))
    for given, cases in groups.values():
        evaluate = compile_mapping([text for text, _ in cases])
        assert evaluate(given) == [result for _, result in cases]


def test_syntax_errors_have_an_offset_within_the_text() -> None:
    for _, _, case in CASES:
        if case.get("error") in STATIC:
            with pytest.raises(ExpressionError) as caught:
                parse(case["expression"])
            assert 0 <= caught.value.offset <= len(case["expression"])
            assert caught.value.text == case["expression"]
