"""Each loss written out: float64 loops straight from the formula, with no softmax, matrix product or log-weight trick.

The oracles work on single numbers (0-dimensional tensors), so that autograd gives their gradient as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses.ce_clip import CeClipSpec
from hairsplit.losses.contrastive import ContrastiveSpec
from hairsplit.losses.distillation import DistillationSpec
from hairsplit.losses.dpo import DpoSpec
from hairsplit.losses.fsc_clip import FscClipSpec
from hairsplit.losses.hard_negative import HardNegativeSpec
from hairsplit.losses.negclip import NegclipSpec
from hairsplit.losses.preference import PreferenceSpec
from hairsplit.losses.siglip_hn import SiglipHnSpec
from hairsplit.losses.structure_clip import StructureClipSpec
from hairsplit.losses.triplet import TripletSpec

FIELDS = ("image", "positive", "negative", "scale")
Compute = Callable[[Embeddings, Any, Embeddings | None], LossOutput]
Oracle = Callable[[Embeddings, Any, Embeddings], dict[str, Tensor]]


def random_batch(size: int, negatives: int, seed: int, *, holes: bool = False, scale: float = 6.0) -> Embeddings:
    """Unit vectors in three dimensions, float64; with `holes`, row 0 has no negative and row 1 lacks its last."""
    generator = torch.Generator().manual_seed(seed)

    def unit(*shape: int) -> Tensor:
        return normalize(torch.randn(*shape, 3, generator=generator, dtype=torch.float64), dim=-1)

    mask = torch.ones(size, negatives, dtype=torch.bool)
    if holes:
        mask[0], mask[1, -1] = False, False
    return Embeddings(
        image=unit(size),
        positive=unit(size),
        negative=unit(size, negatives),
        mask=mask,
        scale=torch.tensor(scale, dtype=torch.float64),
        image_keys=torch.arange(size) // 2,  # rows 0 and 1 show the same image, and so on
        caption_keys=torch.arange(size) % 3,  # rows 0 and 3 carry the same caption
        kinds=torch.randint(3, (size, negatives), generator=generator) * 2**61,
        local_positive=2 * torch.randn(size, generator=generator, dtype=torch.float64),
        local_negative=2 * torch.randn(size, negatives, generator=generator, dtype=torch.float64),
        learned={"bias": torch.tensor(0.7, dtype=torch.float64)},
        carry={
            "kinds": torch.tensor([2**61, 3 * 2**61]),  # of the three kinds of the batch, one was there before
            "thresholds": torch.tensor([2.5, 99.0], dtype=torch.float64),
            "start": torch.tensor(-3.0, dtype=torch.float64),
        },
    )


def cases(spec_count: int = 4) -> Iterator[tuple[Embeddings, Embeddings]]:
    """Batches with K = 1 to 4, with and without missing negatives, each with a teacher's."""
    for count in range(1, spec_count + 1):
        for holes in (False, True):
            z = random_batch(4, count, seed=count, holes=holes)
            yield z, replace(random_batch(4, count, seed=100 + count, holes=holes), scale=torch.tensor(5.0).double())


def leaves(z: Embeddings) -> Embeddings:
    """A copy whose tensors collect gradients."""
    return z.with_differentiable({name: value.clone().requires_grad_() for name, value in z.differentiable().items()})


def gradients(value: Tensor, z: Embeddings) -> list[Tensor]:
    """With respect to `FIELDS` and then what is learned beside the model."""
    inputs = list(z.differentiable().values())
    return list(torch.autograd.grad(value, inputs, allow_unused=True, materialize_grads=True))


def assert_agrees(compute: Compute, oracle: Oracle, spec: Any, z: Embeddings, teacher: Embeddings) -> None:
    """Value, named parts and the gradient with respect to every input are those of the loops."""
    mine, theirs = leaves(z), leaves(z)
    output, expected = compute(mine, spec, teacher), oracle(theirs, spec, teacher)
    for part in expected.keys() - {"total"}:
        torch.testing.assert_close(output.parts[part], expected[part], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(output.total, expected["total"], rtol=1e-9, atol=1e-12)
    pairs = zip(mine.differentiable(), gradients(output.total, mine), gradients(expected["total"], theirs), strict=True)
    for name, ours, loops in pairs:
        torch.testing.assert_close(ours, loops, rtol=1e-8, atol=1e-11, msg=f"the gradient of {name} differs")


def dots(z: Embeddings) -> tuple[list[list[Tensor]], list[list[list[Tensor]]]]:
    """[i][j]: image i with caption j; [i][j][k]: image i with negative k of image j."""
    image, positive = [row.unbind() for row in z.image], [row.unbind() for row in z.positive]
    negative = [[vector.unbind() for vector in row] for row in z.negative]

    def dot(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> Tensor:
        return add(x * y for x, y in zip(a, b, strict=True))

    return [[dot(i, p) for p in positive] for i in image], [
        [[dot(i, n) for n in row] for row in negative] for i in image
    ]


def add(numbers: Iterator[Tensor]) -> Tensor:
    return sum(numbers, start=torch.zeros((), dtype=torch.float64))


def times(z: Embeddings, spec: Any) -> Tensor:
    return torch.log(z.scale) if spec.compat == "thesis" else z.scale


def rival(z: Embeddings, spec: Any, i: int, j: int) -> bool:
    """Whether j's caption stands in the softmax of image i (and so image j in that of i's caption)."""
    assert z.image_keys is not None
    assert z.caption_keys is not None
    same = z.image_keys[i] == z.image_keys[j] or z.caption_keys[i] == z.caption_keys[j]
    return i == j or not (spec.mask_false_negatives and bool(same))


def contrastive(z: Embeddings, spec: ContrastiveSpec, _teacher: Embeddings) -> dict[str, Tensor]:
    return _two_ways(z, spec, lambda _i: iter(()))


def hard_negative(z: Embeddings, spec: HardNegativeSpec, _teacher: Embeddings) -> dict[str, Tensor]:
    s, (_, cosine) = times(z, spec), dots(z)

    def negatives(i: int) -> Iterator[Tensor]:
        for j in range(len(z.mask)):
            for k in range(z.mask.shape[1]):
                logit = s * cosine[i][j][k]
                if not z.mask[j, k] or (spec.pool == "own" and i != j):
                    continue
                if i != j:
                    yield torch.exp(logit)
                elif spec.compat == "thesis":
                    yield torch.exp(spec.weight * logit)
                else:
                    yield spec.weight * torch.exp(logit)

    return _two_ways(z, spec, negatives)


def _two_ways(z: Embeddings, spec: Any, negatives: Callable[[int], Iterator[Tensor]]) -> dict[str, Tensor]:
    s, (cosine, _), size = times(z, spec), dots(z), len(z.image)
    to_text = to_image = torch.zeros((), dtype=torch.float64)
    for i in range(size):
        rivals = [j for j in range(size) if rival(z, spec, i, j)]
        true = torch.exp(s * cosine[i][i])
        texts = add(torch.exp(s * cosine[i][j]) for j in rivals) + add(negatives(i))
        images = add(torch.exp(s * cosine[j][i]) for j in rivals)
        to_text, to_image = to_text - torch.log(true / texts) / size, to_image - torch.log(true / images) / size
    return {"total": (to_text + to_image) / 2, "image_to_text": to_text, "text_to_image": to_image}


def distillation(z: Embeddings, spec: DistillationSpec, teacher: Embeddings) -> dict[str, Tensor]:
    s, size, total = times(teacher, spec) / spec.temperature, len(z.image), torch.zeros((), dtype=torch.float64)

    def shares(batch: Embeddings) -> list[list[Tensor]]:
        positive, negative = dots(batch)
        rows = []
        for i in range(size):
            row = [torch.exp(s * cosine) for cosine in positive[i]]
            row += [torch.exp(s * negative[i][j][k]) for j, k in z.mask.nonzero().tolist()]
            rows.append([share / add(iter(row)) for share in row])
        return rows

    for p_row, q_row in zip(shares(teacher), shares(z), strict=True):
        total = total + add(p * torch.log(p / q) for p, q in zip(p_row, q_row, strict=True)) / size
    return {"total": spec.temperature**2 * total}


def preference(z: Embeddings, spec: PreferenceSpec, _teacher: Embeddings) -> dict[str, Tensor]:
    return _over_own(z, spec, z, 0.0)


def dpo(z: Embeddings, spec: DpoSpec, teacher: Embeddings) -> dict[str, Tensor]:
    return _over_own(z, spec, teacher, 1.0)


def _over_own(z: Embeddings, spec: Any, teacher: Embeddings, minus: float) -> dict[str, Tensor]:
    (positive, negative), (positive_ref, negative_ref) = dots(z), dots(teacher)
    s, s_ref, images = times(z, spec), times(teacher, spec).detach(), []
    for i in range(len(z.image)):
        losses = []
        for k in range(z.mask.shape[1]):
            if z.mask[i, k]:
                plus_gain = s * positive[i][i] - minus * (s_ref * positive_ref[i][i]).detach()
                minus_gain = s * negative[i][i][k] - minus * (s_ref * negative_ref[i][i][k]).detach()
                chance = 1 / (1 + torch.exp(-spec.beta * (plus_gain - minus_gain)))
                losses.append(-torch.log(chance + 1e-8 if spec.compat == "thesis" else chance))
        if losses:
            images.append(add(iter(losses)) / len(losses))
    return {"total": add(iter(images)) / len(images)}


def negclip(z: Embeddings, spec: NegclipSpec, _teacher: Embeddings) -> dict[str, Tensor]:
    _, cosine = dots(z)
    here = z.mask.nonzero().tolist()
    softmax = ContrastiveSpec(mask_false_negatives=spec.mask_false_negatives)
    return _two_ways(z, softmax, lambda i: (torch.exp(z.scale * cosine[i][j][k]) for j, k in here))


def triplet(z: Embeddings, spec: TripletSpec, _teacher: Embeddings) -> dict[str, Tensor]:
    (positive, negative), total = dots(z), torch.zeros((), dtype=torch.float64)
    for i in range(len(z.image)):
        rivals = [positive[i][j] for j in range(len(z.image)) if rival(z, spec, i, j)]
        rivals += [negative[i][j][k] for j, k in z.mask.nonzero().tolist()]
        share = torch.exp(spec.scale * positive[i][i]) / add(torch.exp(spec.scale * c) for c in rivals)
        total = total - torch.log(share) / len(z.image)
    return {"total": total}


def structure_clip(z: Embeddings, spec: StructureClipSpec, _teacher: Embeddings) -> dict[str, Tensor]:
    (positive, negative), size, zero = dots(z), len(z.image), torch.zeros((), dtype=torch.float64)
    image = text = zero
    images = []
    for i in range(size):
        true, others = positive[i][i], [j for j in range(size) if j != i and rival(z, spec, i, j)]
        image = image + max([zero] + [spec.batch_margin - true + positive[i][j] for j in others]) / size
        text = text + max([zero] + [spec.batch_margin - true + positive[j][i] for j in others]) / size
        leads = [spec.margin - true + c for c, there in zip(negative[i][i], z.mask[i], strict=True) if there]
        if leads:
            images.append(add(max(zero, lead) for lead in leads) / len(leads))
    own = add(iter(images)) / len(images)
    return {"total": image + text + spec.weight * own, "image_to_text": image, "text_to_image": text, "own": own}


def fsc_clip(z: Embeddings, spec: FscClipSpec, _teacher: Embeddings) -> dict[str, Tensor]:
    itc = contrastive(z, ContrastiveSpec(mask_false_negatives=spec.mask_false_negatives), z)["total"]
    positive, negative = dots(z)
    own = _focal(z, spec, [[z.scale * c for c in (positive[i][i], *negative[i][i])] for i in range(len(z.image))])
    parts = {"total": itc + spec.weight * own, "contrastive": itc, "own": own}
    if spec.local_weight:
        assert z.local_positive is not None
        assert z.local_negative is not None
        rows = torch.cat([z.local_positive.unsqueeze(1), z.local_negative], dim=1)
        parts["local"] = _focal(z, spec, [list(row.unbind()) for row in rows])
        parts["total"] = parts["total"] + spec.local_weight * parts["local"]
    return parts


def _focal(z: Embeddings, spec: FscClipSpec, logits: list[list[Tensor]]) -> Tensor:
    images = []
    for row, there in zip(logits, z.mask, strict=True):
        powers = [torch.exp(logit) for logit, exists in zip(row, [True, *there], strict=True) if exists]
        if len(powers) > 1:
            loss = torch.zeros((), dtype=torch.float64)
            for k, power in enumerate(powers):
                p = power / add(iter(powers))
                target = spec.smoothing / len(powers) + (1 - spec.smoothing if k == 0 else 0.0)
                loss = loss - target * (1 - p) ** spec.gamma * torch.log(p)
            images.append(loss)
    return add(iter(images)) / len(images)


def ce_clip(z: Embeddings, spec: CeClipSpec, _teacher: Embeddings) -> dict[str, Tensor]:
    contrast = negclip(z, NegclipSpec(mask_false_negatives=spec.mask_false_negatives), z)["total"]
    positive, negative = dots(z)
    assert z.kinds is not None
    before = dict(zip(z.carry["kinds"].tolist(), z.carry["thresholds"].tolist(), strict=True))
    zero, ranks, texts = torch.zeros((), dtype=torch.float64), [], []
    for i in range(len(z.image)):
        hinges, own = [], []
        for k in range(z.mask.shape[1]):
            if z.mask[i, k]:
                threshold = min(max(before.get(int(z.kinds[i, k]), 0.0), 0.0), spec.most)
                hinges.append(max(zero, threshold - z.scale * (positive[i][i] - negative[i][i][k])))
                near = add(x * y for x, y in zip(z.positive[i].unbind(), z.negative[i, k].unbind(), strict=True))
                own.append(torch.exp(z.scale * near))
        if own:
            ranks.append(add(iter(hinges)) / len(hinges))
            itself = torch.exp(z.scale)
            texts.append(-torch.log(itself / (itself + add(iter(own)))))
    rank, intra = add(iter(ranks)) / len(ranks), add(iter(texts)) / len(texts)
    total = contrast + spec.rank * rank + spec.intra * intra
    return {"total": total, "contrastive": contrast, "rank": rank, "intra": intra}


def siglip_hn(z: Embeddings, spec: SiglipHnSpec, _teacher: Embeddings) -> dict[str, Tensor]:
    (positive, negative), size = dots(z), len(z.image)
    bias = z.learned["bias"] + (z.carry["start"] if spec.bias is None else 0.0)
    true = others = own = torch.zeros((), dtype=torch.float64)

    def surprise(sign: int, cosine: Tensor) -> Tensor:
        return torch.log(1 + torch.exp(-sign * (z.scale * cosine + bias))) / size

    for i in range(size):
        true = true + surprise(1, positive[i][i])
        others = others + add(surprise(-1, positive[i][j]) for j in range(size) if j != i and rival(z, spec, i, j))
        own = own + add(surprise(-1, c) for c, there in zip(negative[i][i], z.mask[i], strict=True) if there)
    return {"total": true + others + spec.weight * own, "true": true, "others": others, "own": own}


ORACLES: dict[str, Oracle] = {
    "contrastive": contrastive,
    "hard_negative": hard_negative,
    "distillation": distillation,
    "preference": preference,
    "dpo": dpo,
    "negclip": negclip,
    "triplet": triplet,
    "structure_clip": structure_clip,
    "fsc_clip": fsc_clip,
    "ce_clip": ce_clip,
    "siglip_hn": siglip_hn,
}

SPECS: dict[str, tuple[Any, ...]] = {
    "contrastive": (
        ContrastiveSpec(),
        ContrastiveSpec(mask_false_negatives=True),
        ContrastiveSpec(compat="thesis"),
    ),
    "hard_negative": (
        HardNegativeSpec(),
        HardNegativeSpec(weight=0.5, pool="own"),
        HardNegativeSpec(weight=0),
        HardNegativeSpec(weight=0, pool="own"),
        HardNegativeSpec(weight=3, mask_false_negatives=True),
        HardNegativeSpec(weight=3, compat="thesis"),
        HardNegativeSpec(weight=0, compat="thesis"),
    ),
    "distillation": (
        DistillationSpec(),
        DistillationSpec(temperature=4),
        DistillationSpec(temperature=2, compat="thesis"),
    ),
    "preference": (PreferenceSpec(), PreferenceSpec(beta=0.3), PreferenceSpec(beta=3, compat="thesis")),
    "dpo": (DpoSpec(), DpoSpec(beta=1), DpoSpec(beta=3, compat="thesis")),
    "negclip": (NegclipSpec(), NegclipSpec(mask_false_negatives=True)),
    "triplet": (TripletSpec(), TripletSpec(scale=3, mask_false_negatives=True)),
    "structure_clip": (
        StructureClipSpec(),
        StructureClipSpec(batch_margin=0.5, margin=1.5, weight=0.3, mask_false_negatives=True),
    ),
    "fsc_clip": (
        FscClipSpec(),
        FscClipSpec(weight=2, gamma=3, smoothing=0),
        FscClipSpec(gamma=1, smoothing=0.5, mask_false_negatives=True, local_weight=0.7),
    ),
    "ce_clip": (CeClipSpec(), CeClipSpec(rank=2, intra=3, most=1.5, mask_false_negatives=True)),
    "siglip_hn": (SiglipHnSpec(), SiglipHnSpec(weight=3, mask_false_negatives=True), SiglipHnSpec(weight=0, bias=-10)),
}
"""Variants of each loss that between them reach every branch."""
