"""A caption as the text tower sees it: positions, the words they belong to, and the blanks it is compared with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hairsplit.core.attribution import Token
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.tokens import Tokenizer, clean


@dataclass(frozen=True)
class Words:
    """The tokens of one caption."""

    text: str
    """Cleaned; places of tokens are in it."""
    tokens: tuple[Token, ...]
    at: int
    """Position that the tower reads."""
    unseen: int = 0
    """Words that did not fit in, in whole or in part."""

    def ids(self, device: torch.device) -> Tensor:
        """[1, L], int64."""
        return torch.tensor([[token.id for token in self.tokens]], dtype=torch.long, device=device)

    @property
    def content(self) -> tuple[bool, ...]:
        """Whether a position belongs to a word."""
        return tuple(token.word is not None for token in self.tokens)


def clip_words(tokenizer: Tokenizer, caption: str, context_length: int) -> Words:
    """Start token, words, end token, and nothing behind: attention is causal.

    Raises:
        HairsplitError: The caption has no words.
    """
    text = clean(caption)
    rows = tokenizer.words(caption)
    if not rows:
        raise HairsplitError("the caption is empty", where="explain", hint="give it at least one word")
    room = context_length - 2
    tokens = [Token(tokenizer.bos, "", 0, 0, None)]
    unseen = 0
    for word, (start, end, ids) in enumerate(rows):
        seen = ids[: max(0, room - (len(tokens) - 1))]
        unseen += len(seen) < len(ids)
        tokens += [Token(n, tokenizer.decode([n]), start, end, word) for n in seen]
    tokens.append(Token(tokenizer.eos, "", len(text), len(text), None))
    return Words(text, tuple(tokens), len(tokens) - 1, unseen)


def padded_words(text: str, ids: Sequence[int], places: Sequence[tuple[int, int]], length: int, pad: int) -> Words:
    """Of a tower that attends to its padding and reads its last position, such as SigLIP's.

    Args:
        text: The caption as it was tokenized.
        ids: Of the caption, with whatever ends it, not padded.
        places: Start and end in `text` of each id, characters; (0, 0) for what ends it.
        length: Positions of the tower.
        pad: Id that fills the rest.

    Raises:
        HairsplitError: The caption has no words.
    """
    words: dict[int, tuple[int, int]] = {}  # number of the chunk between spaces -> place
    for match in re.finditer(r"\S+", text):
        words[len(words)] = match.span()
    if not words:
        raise HairsplitError("the caption is empty", where="explain", hint="give it at least one word")
    tokens = []
    for number, (_, end) in list(zip(ids, places, strict=True))[:length]:
        word = next((n for n, (start, stop) in words.items() if start < end <= stop), None)
        tokens.append(Token(int(number), "", *(words[word] if word is not None else (len(text),) * 2), word))
    unseen = len(words) - len({token.word for token in tokens} - {None})
    tokens += [Token(pad, "", len(text), len(text), None)] * (length - len(tokens))
    return Words(text, tuple(tokens), length - 1, unseen)


def blank_ids(words: Words, pad: int, device: torch.device) -> Tensor:
    """[1, L]: each token of a word replaced by the padding; start and end stay, and so does the length.

    A shorter blank would be read at another position than the caption, and the parts would not add up.
    """
    ids = [pad if inside else token.id for token, inside in zip(words.tokens, words.content, strict=True)]
    return torch.tensor([ids], dtype=torch.long, device=device)


def check_same_length(one: Words, other: Words) -> None:
    """Refuse a caption as the reference of another one if they have different numbers of tokens.

    Raises:
        HairsplitError: They have.
    """
    if len(one.tokens) != len(other.tokens):
        raise HairsplitError(
            f"the reference has {len(other.tokens)} tokens, the caption {len(one.tokens)}",
            where="explain",
            hint="the line between them goes position by position; use contrast() for captions of unequal length",
        )
