import json
from pathlib import Path

import pytest

from hairsplit.captions.form import (
    Compare,
    Count,
    Exists,
    Form,
    Has,
    Junction,
    Phrase,
    Related,
    from_json,
    judge,
    to_json,
)
from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Box, Scene, Thing, World
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.readers.gqa import read_scenes
from hairsplit.scenes.truth import Truth, Verdict

WORLDS: tuple[World, ...] = ("open", "closed")
ANSWERS = {Truth.TRUE: "T", Truth.FALSE: "F", Truth.UNKNOWN: "U"}


def answer(verdict: Verdict) -> str:
    return "P" if verdict.evidence == "no_unique_referent" else ANSWERS[verdict.truth]


def test_every_handwritten_statement_is_judged_as_expected(shared: Path) -> None:
    """70 statements on five handwritten graphs, in both worlds."""
    folder = shared / "fixtures" / "hnc"
    graphs = {s.image_id: s for s in read_scenes(folder / "gqa_scene_graphs_handwritten.json") if isinstance(s, Scene)}
    cases = json.loads((folder / "expected_truth.json").read_text("utf-8"))
    assert len(cases) == 70
    wrong = [
        (world, given, case)
        for case in cases
        for world in WORLDS
        if (given := answer(judge(from_json(json.dumps(case["form"])), Facts(graphs[case["image_id"]], world))))
        != case[world]
    ]
    assert wrong == []


def test_a_form_survives_json() -> None:
    x, y = Phrase("circle", ("small", "red")), Phrase("star", (), "a")
    forms: list[Form] = [Has(x, "red"), Related(x, "above", y), Exists(y), Junction("and", (Exists(y), Has(x, "red")))]
    assert [from_json(to_json(form)) for form in forms] == forms


def test_a_form_is_written_as_the_library_writes_json() -> None:
    """Strings are put together by hand, faster; quotes, line ends and letters beyond ASCII are escaped all the same."""
    x, y = Phrase('a "b"\n\\', ("\u00e9t\u00e9", "\x00"), "a"), Phrase("\U0001f600")
    parts = (Has(x, "\u2028"), Related(y, 'p"', x), Exists(x), Count("n\u00e9", 2), Compare("a", '"', "<"))
    for form in (*parts, Junction("xor", parts[:2]), Junction("not", (Junction("and", parts),))):
        text = to_json(form)
        assert text == json.dumps(json.loads(text), separators=(",", ":"))
        assert from_json(text) == form


def test_a_broken_form_is_refused() -> None:
    for text in ("[]", '{"op": "maybe"}', '{"op": "attr"}', "no json"):
        with pytest.raises(HairsplitError, match="not a logical form"):
            from_json(text)
    facts = Facts(Scene("i", 9, 9, (Thing("1", "dog", Box(0, 0, 3, 3)),)), "open")
    with pytest.raises(HairsplitError, match="1 arguments"):
        judge(from_json('{"op": "xor", "args": [{"op": "exists", "x": {"noun": "dog", "det": "a"}}]}'), facts)


def test_kleene_logic_keeps_what_is_unknown() -> None:
    facts = Facts(Scene("i", 9, 9, (Thing("1", "dog", Box(0, 0, 3, 3), ("brown",)),)), "open")
    true, false, unknown = (Has(Phrase("dog"), a) for a in ("brown", "white", "happy"))
    table = {
        ("and", true, true): "T", ("and", true, false): "F", ("and", false, unknown): "F", ("and", true, unknown): "U",
        ("xor", true, false): "T", ("xor", true, true): "F", ("xor", false, false): "F", ("xor", false, unknown): "U",
    }  # fmt: skip
    for (op, a, b), expected in table.items():
        form = Junction("xor" if op == "xor" else "and", (a, b))
        assert answer(judge(form, facts)) == expected, form
    assert answer(judge(Junction("not", (unknown,)), facts)) == "U"
