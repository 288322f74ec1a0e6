"""Plain-text tables for the terminal."""

from typing import Any

from hairsplit.cli.tables import evaluation_lines, schema_lines


def estimate(value: float, *, known: bool = True, n: int = 40) -> dict[str, Any]:
    return {"value": value, "low": 0.25 if known else None, "high": 0.75 if known else None, "n": n, "chance": 0.5}


def record(**changes: Any) -> dict[str, Any]:
    part = {"pair_accuracy": estimate(0.5), "margin": estimate(-0.0123), "ties": 0}
    return {
        "kinds": {"relation": part},
        "overall": part | {"macro_pair_accuracy": estimate(0.625, known=False)},
        "text_only": {"overall": estimate(0.6), "macro": None, "kinds": {}, "note": "words only"},
        "recognition": None,
        "retrieval": None,
        "rejects": {},
        "warnings": [],
    } | changes


def test_every_line_has_n_interval_chance_margin_and_what_text_alone_reaches() -> None:
    lines = list(evaluation_lines(record()))
    assert lines[1].split() == ["relation", "40", "50.0", "%", "[25.0,", "75.0]", "50.0", "-0.012", "unknown"]
    assert lines[2].endswith("60.0 % [25.0, 75.0]")
    assert "62.5 % [unknown]" in lines[3]
    assert len({line.index("%") for line in lines[1:4]}) == 1, "columns stand one below the other"


def test_ties_rejects_and_warnings_are_shown_where_there_are_any() -> None:
    plain = "\n".join(evaluation_lines(record()))
    assert "ties" not in plain
    assert "left out" not in plain
    full = record(
        rejects={"no_negative": 1200}, warnings=["beware"], recognition={"top1": estimate(0.9), "classes": 64}
    )
    full["overall"]["ties"] = 3
    shown = list(evaluation_lines(full))
    assert "3 ties, each a miss" in shown
    assert "left out: no_negative 1,200" in shown
    assert shown[-1] == "beware"
    assert any(line.startswith("recognition top1") for line in shown)


def test_the_schema_names_type_bounds_default_and_meaning_of_every_key() -> None:
    lines = list(schema_lines())
    assert "lr: number (> 0) = 5e-06" in lines
    assert any(line.startswith("    Peak learning rate") for line in lines)
    modes = "text_encoder | vision_encoder | full_encoder | last_encoder | projections | lora"
    assert f"trainable: {modes} = full_encoder" in lines
    keys = [n for n, line in enumerate(lines) if line and not line.startswith(" ") and ": " in line]
    assert all(lines[n + 1].startswith(("    ", "  ")) for n in keys), "every key is explained"
