from __future__ import annotations

import json
import math
from typing import Any

import pytest

from syncrun.errors import RunError
from tests.unit.transform.bench import columns_of, map_records, mapper_of

TYPED = """
    key: id
    fields:
      id: {path: id, type: integer}
      name: {path: user.name, type: string}
      amount: {path: amount, type: number}
"""


def test_fields_become_a_line_with_values_by_name() -> None:
    result = map_records(TYPED, {"id": "7", "user": {"name": "Ann"}, "amount": 2})
    (line,) = result.lines
    assert line.pop("h").isalnum()
    assert line == {"i": 0, "p": "", "k": "[7]", "a": "U", "f": {"id": 7, "name": "Ann", "amount": 2.0}}
    assert (result.mapped.rows, result.mapped.dropped, result.mapped.next_ordinal) == (1, 0, 1)


def test_columns_are_in_yaml_order_whatever_the_table_has() -> None:
    mapper = mapper_of(TYPED, known=columns_of(amount="number", gone="string", id="integer"))
    assert [str(column.type) for column in mapper.columns] == ["integer", "string", "number"]
    assert [column.name for column in mapper.columns] == ["id", "name", "amount"]


def test_the_model_tells_key_types_and_what_is_inferred() -> None:
    model = mapper_of(TYPED + "    raw: true\n    model: people").model("acme", "users")
    assert (model.connector, model.name, model.key, model.inferred, model.raw) == (
        "acme",
        "people",
        ("id",),
        False,
        True,
    )
    assert mapper_of("fields: {id: id}").model("acme", "users").name == "users"
    assert mapper_of("fields: {id: id}").model("acme", "users").inferred


def test_ordinals_follow_the_source_across_pages() -> None:
    bound = mapper_of(TYPED).bind("p", {})
    first = bound.map([{"id": 1}, {"id": None}, {"id": 3}], 10)
    assert [json.loads(line)["i"] for line in first.text.splitlines()] == [10, 12]
    assert [json.loads(line)["i"] for line in first.rejected] == [11]
    second = bound.map([{"id": 4}], first.next_ordinal)
    assert [(json.loads(line)["i"], json.loads(line)["p"]) for line in second.text.splitlines()] == [
        (13, "p")
    ]


def test_r22_a_bad_record_is_set_aside_with_its_reason_and_counts_as_seen() -> None:
    bad = {"id": 2, "user": {"name": "Bo"}, "amount": "abc"}
    result = map_records(TYPED, {"id": 1}, bad)
    assert result.ids == [("U", "[1]"), ("S", "[2]")]
    assert result.rejected == [
        {
            "i": 1,
            "p": "",
            "k": "[2]",
            "reason": "amount: expected a number, got text 'abc'",
            "path": "amount",
            "raw": json.dumps(bad, separators=(",", ":")),
        }
    ]


@pytest.mark.parametrize("record", [{"id": None}, {}, {"id": ""}])
def test_r04_a_record_whose_key_is_null_is_set_aside(record: dict[str, Any]) -> None:
    result = map_records(TYPED, record)
    assert result.lines == []
    assert [(r["k"], r["reason"], r["path"]) for r in result.rejected] == [(None, "key id is null", "id")]


def test_a_bad_key_is_set_aside_without_being_seen() -> None:
    result = map_records(TYPED, {"id": "x1"})
    assert result.lines == []
    assert [(r["k"], r["reason"]) for r in result.rejected] == [
        (None, "id: expected an integer, got text 'x1'")
    ]


def test_on_invalid_fail_names_the_record_and_the_reason() -> None:
    with pytest.raises(RunError) as caught:
        map_records(TYPED + "    on_invalid: fail", {"id": 2, "amount": "abc"})
    assert caught.value.message == "record [2]: amount: expected a number, got text 'abc'"
    with pytest.raises(RunError) as caught:
        map_records(TYPED + "    on_invalid: fail", {"id": 1}, {"amount": 1})
    assert caught.value.message == "record number 2 of the run: key id is null"


def test_on_invalid_null_keeps_the_record_without_the_value() -> None:
    result = map_records(TYPED + "    on_invalid: 'null'", {"id": 2, "amount": "abc", "user": {"name": "Bo"}})
    assert result.row == {"id": 2, "name": "Bo"}


def test_on_invalid_null_never_touches_the_key_or_required_fields() -> None:
    text = """
        on_invalid: 'null'
        key: id
        fields:
          id: {path: id, type: integer}
          day: {path: day, type: date, required: true}
    """
    result = map_records(text, {"id": "x", "day": "2024-05-01"}, {"id": 1, "day": "soon"})
    assert result.reasons == [
        "id: expected an integer, got text 'x'",
        "day: expected a date, got text 'soon'",
    ]


def test_an_expression_that_fails_sets_its_record_aside() -> None:
    text = "{key: id, fields: {id: id, total: 'sum(prices)'}}"
    result = map_records(text, {"id": 1, "prices": [1, 2]}, {"id": 2, "prices": ["a"]})
    assert result.ids == [("U", "[1]"), ("S", "[2]")]
    assert result.rejected[0]["path"] == "total"
    assert result.reasons[0].startswith("total: ")
    lenient = map_records(text.replace("{key", "{on_invalid: 'null', key", 1), {"id": 2, "prices": ["a"]})
    assert lenient.row == {"id": 2}


def test_defaults_stand_in_for_null_missing_and_blank() -> None:
    text = """
        fields:
          n: {path: n, type: integer, default: "5"}
          s: {path: s, type: string, default: none}
    """
    result = map_records(text, {"n": None}, {"n": "", "s": ""}, {"n": 0, "s": "x"})
    assert result.rows == [{"n": 5, "s": "none"}, {"n": 5, "s": ""}, {"n": 0, "s": "x"}]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("{path: v, type: integer, required: true}", None, "v: a value is required"),
        ("{path: v, type: integer, required: true}", " ", "v: a value is required"),
        ("{path: v, required: true}", None, "v: a value is required"),
        ("{path: v, enum: [open, closed]}", "late", "v: expected one of open, closed, got text 'late'"),
        ("{path: v, type: integer, enum: [1, 2]}", "3", "v: expected one of 1, 2, got number 3"),
        ("{path: v, type: string, pattern: '^A-'}", "B-1", "v: text 'B-1' does not match the pattern ^A-"),
        ("{path: v, type: integer, min: 1}", 0, "v: number 0 is below the minimum 1"),
        ("{path: v, type: integer, max: 9}", 10, "v: number 10 is above the maximum 9"),
        ("{path: v, type: number, max: 9}", 1e20, "v: number 1e+20 is above the maximum 9"),
        ("{path: v, type: number, min: 0}", "NaN", "v: number NaN is below the minimum 0"),
        ("{path: v, type: 'decimal(6,2)', min: 0.5}", "0.49", "v: number 0.49 is below the minimum 0.5"),
        ("{path: v, type: string, min: 2}", "a", "v: text of 1 characters is below the minimum 2"),
        ("{path: v, type: 'integer[]', max: 9}", [1, 10], "v: number 10 is above the maximum 9"),
        ("{path: v, type: 'string[]', enum: [a, b]}", ["a", "c"], "v: expected one of a, b, got text 'c'"),
    ],
)
def test_constraints_are_checked_on_the_converted_value(field: str, value: Any, reason: str) -> None:
    assert map_records(f"fields: {{v: {field}}}", {"v": value}).reasons == [reason]


@pytest.mark.parametrize(
    ("field", "value", "staged"),
    [
        ("{path: v, enum: [1, 2]}", 2.0, 2.0),
        ("{path: v, type: integer, enum: [1, 2]}", "2", 2),
        ("{path: v, type: integer, min: 1, max: 9}", 9, 9),
        ("{path: v, type: integer, enum: [1]}", None, None),
        ("{path: v, type: 'string[]', enum: [a, b]}", ["a", None], ["a", None]),
        ("{path: v, type: timestamp, pattern: '^2024'}", "2024-05-01", "2024-05-01T00:00:00.000000Z"),
        ("{path: v, type: json, enum: [{a: 1, b: 2}]}", {"b": 2, "a": 1}, {"a": 1, "b": 2}),
    ],
)
def test_values_within_their_constraints_pass(field: str, value: Any, staged: Any) -> None:
    assert map_records(f"fields: {{v: {field}}}", {"v": value}).row.get("v") == staged


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("{path: v, type: integer, enum: [one]}", "field v: enum: expected an integer, got text 'one'"),
        ("{path: v, type: integer, default: one}", "field v: default: expected an integer, got text 'one'"),
    ],
)
def test_a_field_that_can_never_work_is_an_error_before_the_first_record(field: str, message: str) -> None:
    with pytest.raises(RunError) as caught:
        mapper_of(f"fields: {{v: {field}}}")
    assert caught.value.message == message


def test_masked_values_show_up_nowhere() -> None:
    text = """
        key: id
        raw: true
        fields:
          id: {path: id, type: integer}
          ssn: {path: ssn, type: integer, mask: redact}
          mail: {path: contact.mail, type: string, mask: sha256}
          n: {path: n, type: integer}
    """
    good = {"id": 1, "ssn": 123456, "contact": {"mail": "a@b.c"}, "n": 1}
    result = map_records(text, good, {**good, "n": "x"}, {**good, "ssn": "secret-thing"})
    assert result.rows[0]["ssn"] == "[masked]"
    assert len(result.rows[0]["mail"]) == 64
    assert result.types == {"id": "integer", "ssn": "string", "mail": "string", "n": "integer"}
    assert result.reasons == ["n: expected an integer, got text 'x'", "ssn: the value is not valid"]
    everything = b"".join([result.mapped.text, *result.mapped.rejected])
    for hidden in (b"123456", b"a@b.c", b"secret-thing"):
        assert hidden not in everything
    assert result.lines[0]["r"] == {"id": 1, "ssn": "[masked]", "contact": "[masked]", "n": 1}


def test_a_masked_field_made_from_anything_conceals_the_whole_raw_record() -> None:
    text = "{raw: true, fields: {all: {path: \"join(',', values(@))\", mask: sha256}}}"
    assert map_records(text, {"q": "hidden"}).lines[0]["r"] == "[masked]"


def test_masking_keeps_identity_and_change_detection() -> None:
    text = "{key: mail, fields: {mail: {path: mail, mask: sha256}}}"
    first = map_records(text, {"mail": "a"}, {"mail": "b"}, {"mail": "a"})
    assert len({key for _, key in first.ids}) == 2


def test_templates_in_fields_are_constants_of_the_partition() -> None:
    text = """
        key: [repo, id]
        fields:
          repo: ${repo.name}
          rank: {path: "${repo.rank}", type: integer}
          id: {path: id, type: integer}
    """
    context = {"repo": {"name": "a\"b'\\n", "rank": "3"}}
    result = map_records(text, {"id": 1}, context=context)
    assert result.row == {"repo": "a\"b'\\n", "rank": 3, "id": 1}
    assert [json.loads(key) for _, key in result.ids] == [["a\"b'\\n", 1]]
    with pytest.raises(RunError) as caught:
        map_records(text, {"id": 1}, context={"repo": {"name": "a", "rank": "first"}})
    assert caught.value.message == "field rank: expected an integer, got text 'first'"


def test_raw_keeps_the_record_as_received() -> None:
    record = {"b": 1.0, "a": {"z": None, "y": 2**70}, "id": 1}
    (line,) = map_records("{key: id, raw: true, fields: {id: id}}", record).lines
    assert line["r"] == record
    assert list(line["r"]) == ["b", "a", "id"]


def test_where_drops_records_as_deleted_from_the_model() -> None:
    text = "{key: id, where: '!draft', fields: {id: {path: id, type: integer}, n: {path: n, type: integer}}}"
    result = map_records(
        text, {"id": 1}, {"id": 2, "draft": True}, {"id": 3, "draft": True, "n": "bad"}, {"draft": 1}
    )
    assert result.ids == [("U", "[1]"), ("D", "[2]"), ("D", "[3]")]
    assert (result.mapped.rows, result.mapped.dropped, result.rejected) == (1, 3, [])
    assert result.lines[1] == {"i": 1, "p": "", "k": "[2]", "a": "D"}


def test_where_drops_records_without_key_silently() -> None:
    result = map_records("{where: keep, fields: {n: n}}", {"n": 1, "keep": True}, {"n": 2})
    assert (len(result.lines), result.mapped.dropped) == (1, 1)


def test_r11_flagged_records_are_deletions_and_need_nothing_but_a_key() -> None:
    text = """
        key: id
        deletes: {flag: deleted}
        where: "name != null"
        schema: {type: object, required: [name]}
        fields: {id: {path: id, type: integer}, name: {path: name, required: true}}
    """
    result = map_records(text, {"id": 1, "name": "a"}, {"id": 2, "deleted": True}, {"deleted": True})
    assert result.ids == [("U", "[1]"), ("D", "[2]")]
    assert (result.mapped.rows, result.mapped.deleted, result.mapped.dropped) == (1, 1, 0)
    assert result.reasons == ["the record is flagged as deleted, but its key is null or invalid"]


def test_where_that_fails_sets_its_record_aside() -> None:
    result = map_records("{key: id, where: \"starts_with(s, 'a')\", fields: {id: id}}", {"id": 1, "s": 5})
    assert result.ids == [("S", "[1]")]
    assert result.rejected[0]["path"] == "where"


def test_a_record_that_breaks_its_json_schema_is_set_aside() -> None:
    text = """
        key: id
        schema: {type: object, properties: {user: {properties: {age: {type: integer, minimum: 0}}}}}
        fields: {id: id}
    """
    result = map_records(text, {"id": 1, "user": {"age": 3}}, {"id": 2, "user": {"age": -1}})
    assert result.ids == [("U", "[1]"), ("S", "[2]")]
    assert [(r["path"], r["reason"]) for r in result.rejected] == [
        ("user.age", "user.age: -1 is less than the minimum of 0")
    ]


def test_a_schema_from_a_file_is_given_to_the_mapper() -> None:
    text = "{schema: thing.json, fields: {id: id}}"
    assert map_records(text, {"id": 1}, {}, schema={"required": ["id"]}).mapped.rows == 1
    with pytest.raises(RunError, match=r"^schema: thing\.json has not been read$"):
        mapper_of(text)


@pytest.mark.parametrize(
    "schema",
    [{"type": "thing"}, {"$ref": "https://example.invalid/thing.json"}, {"$ref": "file:///etc/passwd"}],
)
def test_a_schema_that_cannot_be_used_is_an_error_and_fetches_nothing(schema: dict[str, Any]) -> None:
    with pytest.raises(RunError, match=r"^schema: "):
        mapper_of("fields: {id: id}", schema=schema)


def test_a_schema_judges_records_with_lone_surrogates_too() -> None:
    schema = {"properties": {"s": {"type": "string"}}}
    result = map_records("fields: {s: s}", {"s": "\ud800"}, {"s": ["\ud800"]}, schema=schema)
    assert (result.mapped.rows, len(result.rejected)) == (1, 1)


def test_a_schema_copes_with_what_is_nested_deeply() -> None:
    schema = {"$defs": {"n": {"items": {"$ref": "#/$defs/n"}}}, "properties": {"v": {"$ref": "#/$defs/n"}}}
    deep: Any = "bottom"
    for _ in range(1100):
        deep = [deep]
    mapped = (
        mapper_of("fields: {v: {path: v, type: json}}", schema=schema)
        .bind("", {})
        .map([{"v": deep}, {"v": 1}], 0)
    )
    assert mapped.rows + len(mapped.rejected) == 2


EXPLODED = """
    key: [id, call]
    explode: {path: calls, as: call}
    fields:
      id: {path: id, type: integer}
      call: {path: call.no, type: integer}
"""


def test_explode_makes_a_row_of_each_element_beside_the_outer_fields() -> None:
    result = map_records(EXPLODED, {"id": 1, "calls": [{"no": 1}, {"no": 2}]}, {"id": 2, "calls": {"no": 9}})
    assert result.rows == [{"id": 1, "call": 1}, {"id": 1, "call": 2}, {"id": 2, "call": 9}]
    assert [line["i"] for line in result.lines] == [0, 1, 2]
    assert result.mapped.next_ordinal == 3


@pytest.mark.parametrize("calls", [None, []])
def test_nothing_to_explode_makes_no_rows_but_its_cursor_counts(calls: Any) -> None:
    text = EXPLODED + "      at: {path: at, type: date}\n    incremental: {cursor: at}"
    result = map_records(text, {"id": 1, "calls": calls, "at": "2024-05-01"})
    assert (result.lines, result.rejected, result.mapped.watermark) == ([], [], "2024-05-01")


def test_what_cannot_be_exploded_is_set_aside() -> None:
    result = map_records(EXPLODED, {"id": 1, "calls": "many"})
    assert result.reasons == ["calls: expected a list to explode, got text 'many'"]


def test_explode_keeps_the_outer_record_as_raw() -> None:
    record = {"id": 1, "calls": [{"no": 1}]}
    assert map_records(EXPLODED + "    raw: true", record).lines[0]["r"] == record


def test_all_parts_of_a_bad_outer_record_count_as_seen() -> None:
    result = map_records(EXPLODED, {"id": 1, "calls": [{"no": 1}, {"no": 2}]}, schema={"required": ["name"]})
    assert result.ids == [("S", "[1,1]"), ("S", "[1,2]")]
    assert result.rejected[0]["k"] is None


@pytest.mark.parametrize("record", ["text", 5, None, [1, 2]])
def test_fields_can_be_read_from_any_json_value(record: Any) -> None:
    assert map_records("fields: {v: {path: '@', type: json}}", record).rows == [
        {"v": record} if record is not None else {}
    ]


def test_hostile_field_names_are_names_and_nothing_else() -> None:
    names = ["a'b", 'a"b', "a\\", "'] = 1\nimport os", "{x}", "${", "é", "a b", "None", "v0", "%s", "\u2028"]
    fields = {name: {"path": json.dumps(f"m{n}"), "type": "integer"} for n, name in enumerate(names)}
    text = json.dumps({"fields": fields})
    record = {f"m{n}": n for n in range(len(names))}
    assert map_records(text, record).row == {name: n for n, name in enumerate(names)}


def test_redaction_reaches_all_that_is_quarantined() -> None:
    result = map_records(
        "{key: id, fields: {id: id, n: {path: n, type: integer}}}",
        {"id": 1, "n": "tok-secret"},
        redact=lambda text: text.replace("tok-secret", "***"),
    )
    assert result.reasons == ["n: expected an integer, got text '***'"]
    assert result.rejected[0]["raw"] == '{"id":1,"n":"***"}'


def test_a_mapping_of_300_fields() -> None:
    fields = {f"f{n}": {"path": f"f{n}", "type": "integer"} for n in range(300)}
    result = map_records(json.dumps({"key": "f0", "fields": fields}), {f"f{n}": str(n) for n in range(300)})
    assert result.row == {f"f{n}": n for n in range(300)}


def test_not_a_number_inside_json_is_null_and_alone_is_text() -> None:
    result = map_records(
        "fields: {a: {path: a, type: json}, b: {path: b, type: json}}", {"a": [math.nan], "b": math.nan}
    )
    assert result.row == {"a": [None], "b": "NaN"}
