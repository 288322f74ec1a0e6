"""How well the patches of an image match the tokens of a text, token by token."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from hairsplit.losses._scores import lowest


def local_similarity(
    patches: Float[Tensor, "B P D"],
    tokens: Float[Tensor, "B C L D"],
    mask: Bool[Tensor, "B C L"],
    scale: Float[Tensor, ""],
) -> Float[Tensor, "B C"]:
    """Log sum over tokens w of exp(scale * cos(v_w, t_w)), for C texts of each image.

    v_w is what of the image looks like the token t_w: the mean of its patches, each counted (s_wp - min_p s_wp) /
    (max_p s_wp - min_p s_wp) times, where s_wp = t_w . v_p. Oh et al., EMNLP 2024, equations 6 to 8. As in the authors'
    code, patches and tokens are not of unit length in s and in the mean, and these weights carry no gradient. Where all
    patches are alike to a token, each counts once: the paper has 0 / 0.

    The sum is not divided by the number of tokens, so that of two texts alike in all else the longer one scores more.

    Args:
        patches: Projected final states of the image's patches.
        tokens: The same of the texts' tokens.
        mask: True where a token counts. A text of which none counts has the lowest finite number.
        scale: 1 / temperature.
    """
    with torch.no_grad():
        alike = torch.einsum("bcld,bpd->bclp", tokens, patches)
        low, high = alike.aminmax(dim=-1, keepdim=True)
        counts = torch.where(high > low, (alike - low) / (high - low), 1.0)  # [B, C, L, P]
        shares = counts / counts.sum(dim=-1, keepdim=True)
    seen = torch.einsum("bclp,bpd->bcld", shares, patches)
    cosine = (normalize(seen, dim=-1) * normalize(tokens, dim=-1)).sum(dim=-1)  # [B, C, L]
    return torch.logsumexp((scale * cosine).masked_fill(~mask, lowest(cosine)), dim=-1)
