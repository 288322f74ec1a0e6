"""What the other captions of an image say against a negative: a word that one of them has may be true of it."""

from collections.abc import Iterable

from hairsplit.captions.from_text import _verbs as verbs
from hairsplit.captions.from_text import _words as words
from hairsplit.captions.from_text._rule import Sort
from hairsplit.captions.from_text._sentence import Sentence
from hairsplit.scenes import lexicon


class Seen:
    """The words of all captions of one image."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        everything = list(sentences)
        tokens = [token for sentence in everything for token in sentence.tokens]
        self.words = frozenset(token.word for token in tokens)
        self.stems = self.words | {lexicon.singular(word) for word in self.words}
        self.nouns = frozenset(lexicon.singular(token.word) for token in tokens if token.tag.startswith("NN"))
        self.actions = frozenset(base for word in self.words for base in verbs.may_be(word))
        self.attributes = frozenset(map(lexicon.attribute, self.words))
        self._texts = [f" {sentence.span(0, len(sentence.tokens))} " for sentence in everything]

    def has(self, sort: Sort, word: str) -> bool:
        """Whether a caption has the word, or one that may mean it."""
        if sort == "noun":
            return self._has_noun(lexicon.singular(word))
        if sort == "attribute":
            return self._has_attribute(word)
        if sort == "verb":
            return word in self.actions
        if sort == "preposition":
            like = words.LIKE_RELATIONS.get(word, frozenset())
            return any(f" {word} " in text for text in self._texts) or not self.words.isdisjoint(like)
        return not self.words.isdisjoint([word, words.DIGITS[word]]) or (
            word == "two" and not self.words.isdisjoint(words.COLLECTIVES_OF_TWO)
        )

    def _has_noun(self, noun: str) -> bool:
        like = words.LIKE_NOUNS.get(noun, frozenset())
        if noun in self.stems or not self.stems.isdisjoint(like):
            return True
        return any(lexicon.match(noun, other) != "no" for other in self.nouns)

    def _has_attribute(self, name: str) -> bool:
        canonical = lexicon.attribute(name)
        like = words.LIKE_ATTRIBUTES.get(name, frozenset())
        if canonical in self.attributes or not self.words.isdisjoint(like):
            return True
        return any(lexicon.near(other, canonical) for other in self.attributes)

    def several(self, noun: str) -> bool:
        """Whether there may be more than one such thing: a plural, a number, "another"."""
        return lexicon.plural(noun) in self.words or not self.words.isdisjoint(
            [*words.NUMBERS, *words.COLLECTIVES_OF_TWO, "another", "other", "others", "group", "people"]
        )
