"""The oracles are strict: each of these one-line mistakes in a loss makes its oracle fail.

A mutant is the source of a module with one expression replaced, executed as a fresh module.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hairsplit.losses import LOSSES
from tests.losses.oracle import ORACLES, SPECS, assert_agrees, cases

LOG_W = "logits + math.log(spec.weight)"
BATCH_MISTAKES = {
    "softmax of texts over the wrong axis": ("logsumexp(to_text, dim=0)", "logsumexp(to_text, dim=1)"),
    "image to text only": ("LossOutput((image + text) / 2", "LossOutput(image"),
    "text to image only": ("LossOutput((image + text) / 2", "LossOutput(text"),
    "sum for mean of the directions": ("(image + text) / 2", "(image + text)"),
    "the next row as target": ("= to_text.diagonal()", "= to_text.roll(1, 0).diagonal()"),
    "false negatives kept": ("exclude_false_negatives(to_text, z)", "pass"),
    "false negatives always left out": ("if spec.mask_false_negatives", "if True"),
    "no logit scale": ("multiplier(z, spec.compat) * z.image", "z.image"),
}
MUTANTS: dict[str, dict[str, tuple[str, str]]] = {
    "contrastive": BATCH_MISTAKES
    | {
        "transposed similarities": (
            "scaled @ z.positive.T",
            "(scaled @ z.positive.T).T",
        )
    },
    "hard_negative": BATCH_MISTAKES
    | {
        "transposed similarities": ("scaled @ z.positive.T", "(scaled @ z.positive.T).T"),
        "no log w": (LOG_W, "logits"),
        "w for log w": (LOG_W, "logits + spec.weight"),
        "w times the logit": (LOG_W, "logits * spec.weight"),
        "w below 1 taken for none": ("elif spec.weight > 0", "elif spec.weight > 1"),
        "w = 0 keeps the negatives": ("torch.zeros_like(z.mask)", "z.mask"),
        "mask of the next row, own": ("exists = z.mask", "exists = z.mask.roll(1, 0)"),
        "mask of the next row, others": ("(2) | ~z.mask", "(2) | ~z.mask.roll(1, 0)"),
        "mask of the next negative": ("exists = z.mask", "exists = z.mask.roll(1, 1)"),
        "own negatives twice": ("own.unsqueeze(2) | ~z.mask", "~z.mask"),
        "own taken for the next row": ("own.unsqueeze(2)", "own.roll(1, 0).unsqueeze(2)"),
        "own negatives only": ('if spec.pool == "all"', "if False"),
        "negatives of the wrong image": ("cosines(z)[1]", "cosines(z)[1].roll(1, 0)"),
    },
    "distillation": {
        "divergence the other way round": (
            "target.exp() * (target",
            "-_log_shares(image, texts, missing).exp() * (target",
        ),
        "softmax over the wrong axis": ("lowest(logits)), dim=1)", "lowest(logits)), dim=0)"),
        "the next row as target": ("theirs[start : start + len(image)]", "theirs.roll(1, 0)"),
        "mask of the next row": ("~z.mask.flatten()", "~z.mask.roll(1, 0).flatten()"),
        "no squared temperature": ("spec.temperature**2 * each", "each"),
        "own logit scale": ("ours, texts = sharpness", "ours, texts = z.scale / spec.temperature"),
        "sum over images": ("each.mean()", "each.sum()"),
        "no temperature": (".detach() / spec.temperature", ".detach()"),
    },
    "preference": {
        "prefers the negative": ("(positive.unsqueeze(1) - negative)", "(negative - positive.unsqueeze(1))"),
        "positive of the next row": ("(positive.unsqueeze(1)", "(positive.roll(1).unsqueeze(1)"),
        "no logit scale": ("multiplier(z, spec.compat) * (", "("),
        "no beta": ("spec.beta * lead", "lead"),
        "mask of the next row": ("(losses, z.mask)", "(losses, z.mask.roll(1, 0))"),
        "mask of the next negative": ("(losses, z.mask)", "(losses, z.mask.roll(1, 1))"),
        "plain mean over pairs": ("mean_over_negatives(losses, z.mask)", "losses[z.mask].mean()"),
    },
    "dpo": {
        "prefers the negative": ("(positive.unsqueeze(1) - negative)", "(negative - positive.unsqueeze(1))"),
        "positive of the next row": ("(positive.unsqueeze(1)", "(positive.roll(1).unsqueeze(1)"),
        "no reference": ("- _lead(teacher, spec.compat).detach()", ""),
        "reference added": ("- _lead(teacher", "+ _lead(teacher"),
        "reference of the next row": ("_lead(teacher, spec.compat)", "_lead(teacher, spec.compat).roll(1, 0)"),
        "no beta": ("spec.beta * gain", "gain"),
        "mask of the next row": ("(losses, z.mask)", "(losses, z.mask.roll(1, 0))"),
        "plain mean over pairs": ("mean_over_negatives(losses, z.mask)", "losses[z.mask].mean()"),
    },
    "negclip": {
        "ten copies": ("weight=1.0", "weight=10.0"),
        "own negatives left out": ("weight=1.0", "weight=0.0"),
        "own negatives only": ('pool="all"', 'pool="own"'),
        "false negatives kept": ("spec.mask_false_negatives)", "False)"),
        "false negatives always left out": ("spec.mask_false_negatives)", "True)"),
        "the thesis's scale": ("weight=1.0,", 'weight=1.0, compat="thesis",'),
    },
    "triplet": {
        "transposed similarities": ("image @ z.positive.T", "(image @ z.positive.T).T"),
        "softmax over the wrong axis": ("to_negative], dim=1), dim=1)", "to_negative], dim=1), dim=0)[: len(to_text)]"),
        "the next row as target": ("to_text.diagonal()", "to_text.roll(1, 0).diagonal()"),
        "mask of the next row": ("~z.mask.flatten()", "~z.mask.roll(1, 0).flatten()"),
        "the model's scale": ("spec.scale * z.image", "z.scale * z.image"),
        "false negatives kept": ("exclude_false_negatives(logits, z, start)", "pass"),
        "captions only": ("torch.cat([to_text, to_negative], dim=1)", "to_text"),
    },
    "structure_clip": {
        "image to text only": ("LossOutput(image + text +", "LossOutput(image +"),
        "both directions over one axis": ("between.amax(dim=0)", "between.amax(dim=1)"),
        "mean for the hardest": ("between.amax(dim=1)", "between.mean(dim=1)"),
        "the pair as its own rival": ("logits.diagonal(start).fill_(lowest(logits))", "pass"),
        "margins swapped": ("negative, spec.margin)", "negative, spec.batch_margin)"),
        "prefers the rival": ("margin - true + rival", "margin + true - rival"),
        "mask of the next row": ("spec.margin), z.mask)", "spec.margin), z.mask.roll(1, 0))"),
        "no weight": ("spec.weight * own", "own"),
        "false negatives kept": ("exclude_false_negatives(logits, z, start)", "pass"),
    },
    "fsc_clip": {
        "no focus": (".clamp(min=0) ** spec.gamma", ".clamp(min=0) ** 0"),
        "no smoothing of the negatives": ("target[:, 1:]]", "0 * target[:, 1:]]"),
        "smoothing by all columns": ("exists.sum(dim=1, keepdim=True)", "torch.tensor(exists.shape[1])"),
        "a negative as target": ("target[:, :1] + 1 - spec.smoothing", "target[:, :1]"),
        "mask of the next row": (
            "mask.new_ones(len(mask), 1), mask]",
            "mask.new_ones(len(mask), 1), mask.roll(1, 0)]",
        ),
        "images without negatives counted": ("has.sum().clamp(min=1)", "len(has)"),
        "no logit scale": ("z.scale * torch.cat", "torch.cat"),
        "no weight": ("spec.weight * own", "own"),
        "no contrast": ("itc.total + spec", "0 * itc.total + spec"),
        "local without its weight": ("spec.local_weight * local", "local"),
        "no local part": ("spec.local_weight * local", "0 * local"),
        "local scaled twice": ("_own(torch.cat([z.local", "_own(z.scale * torch.cat([z.local"),
        "local negatives of the next row": ("z.local_negative], dim", "z.local_negative.roll(1, 0)], dim"),
        "false negatives kept": ("mask_false_negatives=spec.mask_false_negatives", "mask_false_negatives=False"),
    },
    "ce_clip": {
        "no contrast": ("total = contrast +", "total = 0 * contrast +"),
        "own negatives left out of the contrast": ("weight=1.0", "weight=0.0"),
        "false negatives kept": ("mask_false_negatives=spec.mask_false_negatives", "mask_false_negatives=False"),
        "prefers the negative": ("(positive.unsqueeze(1) - negative)", "(negative - positive.unsqueeze(1))"),
        "ranks without logit scale": ("lead = z.scale *", "lead ="),
        "no threshold": ("relu(threshold - lead)", "relu(-lead)"),
        "no largest threshold": (".clamp(0, spec.most)", ".clamp(0)"),
        "one threshold for all kinds": (
            "torch.zeros_like(z.mask, dtype=torch.int64) if z.kinds is None",
            "2**61 * z.mask if True",
        ),
        "a new kind has its neighbour's threshold": ("known[place] == kinds", "known[place] == known[place]"),
        "mask of the next row, ranks": ("(threshold - lead), z.mask)", "(threshold - lead), z.mask.roll(1, 0))"),
        "mask of the next row, texts": ("texts.masked_fill(~z.mask", "texts.masked_fill(~z.mask.roll(1, 0)"),
        "the image's logit for the caption's second view": (
            "[z.scale.expand(len(texts), 1)",
            "[(z.scale * positive).unsqueeze(1)",
        ),
        "texts without logit scale": ("texts = z.scale *", "texts ="),
        "images without negatives counted": ("z.mask.any(dim=1).sum().clamp(min=1)", "len(texts)"),
        "weights swapped": ("spec.rank * rank + spec.intra * intra", "spec.intra * rank + spec.rank * intra"),
    },
    "siglip_hn": {
        "true pairs left out": ('LossOutput(parts["true"] + ', "LossOutput("),
        "true pairs as false ones": ("softplus(-(z.scale", "softplus((z.scale"),
        "false pairs as true ones": ("softplus(logits).sum", "softplus(-logits).sum"),
        "the pair as its own rival": (
            "        logits.diagonal(start).fill_(lowest(logits))  # softplus",
            "        pass  # softplus",
        ),
        "no bias": ("captions.T + bias", "captions.T"),
        "no start": (".get(BIAS, scaled.new_tensor(spec.bias or 0.0)) + carry.get(START, 0.0)", '["bias"]'),
        "mean over pairs": ("softplus(logits).sum(dim=1)", "softplus(logits).mean(dim=1)"),
        "mean over negatives": ("masked_fill(~z.mask, 0.0).sum(dim=1)", "masked_fill(~z.mask, 0.0).mean(dim=1)"),
        "mask of the next row": (
            "masked_fill(~z.mask, 0.0).sum(dim=1)",
            "masked_fill(~z.mask.roll(1, 0), 0.0).sum(dim=1)",
        ),
        "no logit scale": ("scaled = z.scale * z.image", "scaled = z.image"),
        "no weight": ("spec.weight * parts", "parts"),
        "false negatives kept": ("        exclude(logits, start)\n        logits.diag", "        logits.diag"),
    },
}
SHARED: dict[str, tuple[str, str, str]] = {
    "only equal captions are false negatives": (
        "contrastive",
        "    same |= z.image_keys[rows, None] == z.image_keys\n",
        "",
    ),
    "the pair itself left out": ("contrastive", "    same.diagonal(start).fill_(False)\n", ""),
    "exponential scale for the thesis": ("contrastive", 'if compat == "thesis" else z.scale', "if False else z.scale"),
    "raw scale always": ("contrastive", 'z.scale.log() if compat == "thesis"', "z.scale.log() if True"),
    "no epsilon for the thesis": ("preference", 'THESIS_EPSILON) if compat == "thesis"', "THESIS_EPSILON) if False"),
    "negatives summed": ("preference", " / mask.sum(dim=1).clamp(min=1)", ""),
    "images without negatives counted": ("dpo", "mask.any(dim=1).sum().clamp(min=1)", "len(mask)"),
    "absent negatives counted": ("dpo", "mask.sum(dim=1)", "mask.shape[1] * mask.any(dim=1)"),
}
"""Mistakes in what losses share, each with a loss whose oracle must notice."""


def executed(name: str, old: str, new: str) -> ModuleType:
    """The module of that name with `old` replaced."""
    original = importlib.import_module(name)
    source = Path(str(original.__file__)).read_text("utf-8")
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {name}"
    module = ModuleType(name)
    exec(compile(source.replace(old, new), f"<{name} mutated>", "exec"), module.__dict__)  # noqa: S102
    return module


def is_noticed(name: str, module: ModuleType) -> bool:
    """Whether the oracle of loss `name` fails on any variant and batch."""
    try:
        for spec in SPECS[name]:
            for z, teacher in cases(3):
                assert_agrees(module.ENTRY.compute, ORACLES[name], spec, z, teacher)
    except (AssertionError, RuntimeError):  # a mutant may also fail to run, as when it removes a gradient
        return True
    return False


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_loss_that_is_not_mutated_agrees(name: str) -> None:
    assert not is_noticed(name, executed(f"hairsplit.losses.{name}", "ENTRY = Loss(", "ENTRY = Loss("))
    assert len(MUTANTS[name]) >= 5


@pytest.mark.parametrize(("name", "mistake"), [(name, mistake) for name in MUTANTS for mistake in MUTANTS[name]])
def test_a_mistake_in_a_loss_is_noticed(name: str, mistake: str) -> None:
    assert is_noticed(name, executed(f"hairsplit.losses.{name}", *MUTANTS[name][mistake]))


@pytest.mark.parametrize("mistake", SHARED)
def test_a_mistake_in_what_losses_share_is_noticed(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, old, new = SHARED[mistake]
    shared = executed("hairsplit.losses._scores", old, new)
    monkeypatch.setitem(sys.modules, "hairsplit.losses._scores", shared)
    assert is_noticed(name, executed(f"hairsplit.losses.{name}", "ENTRY = Loss(", "ENTRY = Loss("))
