"""CLIP's text tokenizer: byte-level byte-pair encoding, from the merges shipped in `bpe/`.

Ids are those of OpenAI's CLIP (Radford et al., ICML 2021; BPE: Sennrich et al., ACL 2016): 256 byte symbols, the same
256 ending a word (`</w>`), one per merge, then the start and end tokens. `<|endoftext|>` typed in a caption is plain
text, never the end token.
"""

import gzip
import heapq
import html
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import ftfy
import regex

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json

if TYPE_CHECKING:  # imports of captions count tokens in many processes, without torch
    from torch import Tensor

BOS = "<|startoftext|>"
EOS = "<|endoftext|>"
WORD_END = "</w>"
CONTEXT_LENGTH = 77
"""Positions of OpenAI's text towers, start and end token included."""

_MERGES = Path(__file__).parent / "bpe" / "merges.txt.gz"
# IGNORECASE is OpenAI's: after lower() it still lets the long s of "'ſ" count as an s
_WORD = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", regex.IGNORECASE)
_CACHE_WORDS = 1 << 20

Merge = tuple[str, str]


def clean(text: str) -> str:
    """Mend mojibake, undo HTML escapes twice, collapse white space, lower case: what OpenAI does before splitting."""
    if not (text.isascii() and text.isprintable() and "&" not in text):  # ftfy and unescape change nothing else
        text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()


@cache
def byte_symbols() -> dict[int, str]:
    """Byte -> a printable character standing for it, in OpenAI's order of ids."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}


@cache
def shipped_merges() -> tuple[Merge, ...]:
    """All 48,894 merges of CLIP's vocabulary, most frequent first."""
    return _parse_merges(gzip.decompress(_MERGES.read_bytes()).decode("utf-8"), str(_MERGES))


class Tokenizer:
    """Text -> ids of CLIP's vocabulary, or of its beginning.

    Args:
        merges: Use the first this many merges only, so that a small model has a small vocabulary of
            512 + merges + 2 ids; None for all 48,894.

    Raises:
        HairsplitError: `merges` is negative or more than there are.
    """

    vocab_size: int
    """Number of ids; the largest is `vocab_size - 1`."""
    bos: int
    """Id of the start token."""
    eos: int
    """Id of the end token, at whose position CLIP reads the text embedding."""

    def __init__(self, merges: int | None = None) -> None:
        pairs = shipped_merges()
        if merges is not None and not 0 <= merges <= len(pairs):
            raise HairsplitError(
                f"merges={merges} is out of range", where="tokenizer", hint=f"choose from 0 to {len(pairs)}"
            )
        pairs = pairs[:merges]
        symbols = list(byte_symbols().values())
        words = [*symbols, *(s + WORD_END for s in symbols), *("".join(pair) for pair in pairs), BOS, EOS]
        self._use({word: n for n, word in enumerate(words)}, pairs, where="tokenizer")

    def _use(self, vocabulary: dict[str, int], merges: Sequence[Merge], where: str) -> None:
        symbols = byte_symbols().values()
        needed = {BOS, EOS, *symbols, *(s + WORD_END for s in symbols), *("".join(pair) for pair in merges)}
        missing = sorted(needed - vocabulary.keys())
        if missing:
            raise HairsplitError(
                f"no vocabulary of CLIP: {len(missing)} tokens are missing, as {missing[0]!r}",
                where=where,
                hint="a CLIP tokenizer is needed: vocab.json and merges.txt, or tokenizer.json",
            )
        self._vocabulary = vocabulary
        self._merges = tuple(merges)
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._words = {n: word for word, n in vocabulary.items()}
        self._cache: dict[str, tuple[int, ...]] = {}
        self.vocab_size = max(vocabulary.values()) + 1
        self.bos, self.eos = vocabulary[BOS], vocabulary[EOS]

    def same_as(self, other: "Tokenizer") -> bool:
        """Whether both give every text the same ids."""
        return (self._vocabulary, self._merges) == (other._vocabulary, other._merges)

    @property
    def merges(self) -> int:
        """Number of merges in use."""
        return len(self._merges)

    def encode(self, text: str) -> list[int]:
        """Ids of `text`, cleaned, without start and end token, of any length."""
        found: list[int] = []
        known = self._cache
        for word in clean(text).split(" "):  # no piece spans a space
            ids = known.get(word)
            found += self._learn(word) if ids is None else ids
        return found

    def words(self, text: str) -> list[tuple[int, int, tuple[int, ...]]]:
        """Each word, number or run of signs: start and end in `clean(text)`, and its ids; in all `encode(text)`."""
        found: list[tuple[int, int, tuple[int, ...]]] = []
        for match in _WORD.finditer(clean(text)):  # no match spans a space
            found.append((match.start(), match.end(), self._learn(match.group())))
        return found

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, words parted by one space; start and end tokens are left out."""
        symbols = {symbol: byte for byte, symbol in byte_symbols().items()}
        spelt = bytearray()
        for word in (self._words[n] for n in ids if n not in (self.bos, self.eos)):
            body = word.removesuffix(WORD_END)
            spelt += bytes(symbols[symbol] for symbol in body)
            spelt += b" " * (body != word)
        return spelt.decode("utf-8", errors="replace").strip()

    def ids(self, texts: Iterable[str], length: int = CONTEXT_LENGTH) -> list[list[int]]:
        """Ids of each text with start and end token; one longer than `length` is cut and keeps its end token last."""
        if length < 2:
            raise HairsplitError(f"length={length} has no room", where="tokenizer", hint="use 2 or more positions")
        return [[self.bos, *self.encode(text)[: length - 2], self.eos] for text in texts]

    def batch(self, texts: Sequence[str], context_length: int = CONTEXT_LENGTH) -> "Tensor":
        """int64 [B, longest text of the batch], padded with zeros after the end token.

        CLIP's text attention is causal, so what follows the end token changes nothing: padding to `context_length`
        would cost time only.
        """
        import torch

        rows = self.ids(texts, context_length)
        longest = max(map(len, rows), default=2)
        return torch.tensor([row + [0] * (longest - len(row)) for row in rows], dtype=torch.long).view(-1, longest)

    def is_over_long(self, text: str, context_length: int = CONTEXT_LENGTH) -> bool:
        """Whether `text` loses words when it is cut to `context_length`."""
        if len(text) <= context_length - 2 and text.isascii() and "&" not in text:  # a token has at least one byte
            return False
        return len(self.encode(text)) > context_length - 2

    def save(self, folder: Path) -> None:
        """Write the files from which transformers' `CLIPTokenizer.from_pretrained(folder)` builds the same ids."""
        merges = "".join(f"{left} {right}\n" for left, right in self._merges)
        special = {"bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": EOS}
        settings = {"tokenizer_class": "CLIPTokenizer", "do_lower_case": True, "model_max_length": CONTEXT_LENGTH}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.json").write_text(json.dumps(self._vocabulary, ensure_ascii=False), "utf-8")
        (folder / "merges.txt").write_text("#version: 0.2\n" + merges, "utf-8")
        (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2), "utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(settings | special, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The tokenizer of a transformers folder: vocab.json + merges.txt, or else tokenizer.json.

        Raises:
            HairsplitError: The files are missing, torn, or not CLIP's.
        """
        tokenizer = cls.__new__(cls)
        if (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
            file = folder / "vocab.json"
            vocabulary = read_json(file)
            merges = _parse_merges((folder / "merges.txt").read_text("utf-8"), str(folder / "merges.txt"))
        elif (file := folder / "tokenizer.json").exists():
            vocabulary, merges = _parse_fast(read_json(file), str(file))
        else:
            raise HairsplitError(
                "no tokenizer here", where=str(folder), hint="vocab.json and merges.txt, or tokenizer.json, are needed"
            )
        if not isinstance(vocabulary, dict) or not all(isinstance(n, int) for n in vocabulary.values()):
            raise HairsplitError("not a vocabulary", where=str(file), hint="it must map tokens to ids")
        tokenizer._use(vocabulary, merges, where=str(file))
        return tokenizer

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether `folder` holds files that `load` reads."""
        slow = (folder / "vocab.json").exists() and (folder / "merges.txt").exists()
        return slow or (folder / "tokenizer.json").exists()

    def _learn(self, word: str) -> tuple[int, ...]:
        if len(self._cache) >= _CACHE_WORDS:  # a stream of ever new words must not fill the memory
            self._cache.clear()
        symbols = byte_symbols()
        found: list[int] = []
        for piece in _WORD.findall(word):
            spelt = [symbols[byte] for byte in piece.encode("utf-8")]
            spelt[-1] += WORD_END
            found += [self._vocabulary[part] for part in _merge(spelt, self._ranks)]
        ids = self._cache[word] = tuple(found)
        return ids


def _merge(parts: list[str], ranks: dict[Merge, int]) -> list[str]:
    """Apply merges to a word's symbols, best rank first, leftmost first, in O(n log n).

    Taking one occurrence at a time equals OpenAI's all-at-once pass, because a merge that needs a new symbol always
    ranks after the merge that makes it.
    """
    after = [*range(1, len(parts)), -1]  # a linked list over positions: a merged symbol lives at its left end
    before = list(range(-1, len(parts) - 1))
    alive = [True] * len(parts)
    queue: list[tuple[int, int, Merge]] = []

    def offer(left: int) -> None:
        if left >= 0 and after[left] >= 0:
            pair = (parts[left], parts[after[left]])
            if pair in ranks:
                heapq.heappush(queue, (ranks[pair], left, pair))

    for position in range(len(parts)):
        offer(position)
    while queue:
        _, left, pair = heapq.heappop(queue)
        right = after[left]
        if not alive[left] or right < 0 or (parts[left], parts[right]) != pair:
            continue  # one of the two has been merged since
        parts[left] += parts[right]
        alive[right] = False
        after[left] = after[right]
        if after[left] >= 0:
            before[after[left]] = left
        offer(before[left])
        offer(left)
    return [part for part, lives in zip(parts, alive, strict=True) if lives]


def _parse_merges(text: str, where: str) -> tuple[Merge, ...]:
    lines = text.split("\n")  # not splitlines: some symbols are Unicode line ends
    lines = lines[1:] if lines[0].startswith("#version") else lines
    pairs = [tuple(line.split(" ")) for line in lines if line]
    return _checked(pairs, where)


def _parse_fast(tree: Any, where: str) -> tuple[dict[str, int], tuple[Merge, ...]]:
    try:
        model = tree["model"]
        added = {token["content"]: token["id"] for token in tree.get("added_tokens", ())}
        pairs = [tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in model["merges"]]
        return model["vocab"] | added, _checked(pairs, where)
    except (KeyError, TypeError, AttributeError):
        raise HairsplitError("not a BPE tokenizer", where=where, hint="a CLIP tokenizer is needed") from None


def _checked(pairs: Iterable[tuple[str, ...]], where: str) -> tuple[Merge, ...]:
    found: list[Merge] = []
    for number, pair in enumerate(pairs):
        if len(pair) != 2:
            raise HairsplitError(f"merge {number + 1} is not a pair", where=where, hint="fetch or write it again")
        found.append((pair[0], pair[1]))
    return tuple(found)
