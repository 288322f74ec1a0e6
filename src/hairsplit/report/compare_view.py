"""What the page's template shows of a comparison, as plain values."""

from collections.abc import Mapping
from typing import Any

from hairsplit.core.types import Estimate
from hairsplit.report._svg import embedded
from hairsplit.report.compare_folder import Compared, TradeOff
from hairsplit.report.trade_off import trade_off


def comparison_view(found: Compared, number: int) -> dict[str, Any]:
    """What the template shows of a comparison."""
    identifier = f"c{number}"
    figure = found.trade_off
    return {
        "id": identifier,
        "compared": found,
        "headlines": [(suite, suite.rows[0]) for suite in found.suites if suite.rows],
        "drift": [
            {"name": f"{one.model}, {one.side}", "n": _count(one.cosine, one.cka), "cosine": one.cosine, "cka": one.cka}
            for one in found.drift
        ],
        "trade_off": None if figure is None else _trade_off(figure, identifier),
    }


def _count(*estimates: Estimate | None) -> int:
    return next((one.n for one in estimates if one is not None), 0)


def _trade_off(found: TradeOff, identifier: str) -> Mapping[str, Any]:
    drawn = trade_off(found.curves, gain=found.gain, kept=found.kept, name=f"{identifier}-trade-off", ring="knee")
    rows = [(curve.label, spot) for curve in found.curves for spot in curve.spots if found.swept or spot.label]
    return {
        "figure": embedded(drawn),
        "rows": rows,
        "gain": found.gain,
        "kept": found.kept,
        "swept": found.swept,
    }
