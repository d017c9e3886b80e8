"""A bilingual lexicon learned from parallel pairs, for search across the two languages.

English words are taken by their stems. Japanese has no spaces, so its units are the runs of one
script and the pieces of kanji runs that stand outside longer pieces often enough; the verb
``落とす`` stands under its stem and first ending, ``落と``.
"""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from engine.notation.folding import fold
from engine.notation.stems import stem
from engine.search.translation import VERSION
from engine.training.alignment import Alignment, Rows, agreement, align, associated_pairs
from engine.training.config import LexiconConfig
from engine.training.corpus import Pair, iterate_tagged_pairs

_WORD = re.compile("(?<![a-z0-9])[a-z]{2,24}(?![a-z0-9])")
_KANJI = re.compile("[\u3005\u4e00-\u9fff]+")
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc]{2,16}")
_HIRAGANA = re.compile("(?<![\u4e00-\u9fff])[\u3041-\u3096]{2,12}")
_ENDING = re.compile("[\u3041-\u3096](?<![はをへ])")
_PARTICLES = "はがをにのでともへや"
_LONGEST_KANJI = 4
_LONGEST_HIRAGANA = 5


def english_words(text: str) -> list[str]:
    """Words of an English text, folded, in order."""
    return _WORD.findall(fold(text).text)


def japanese_units(text: str) -> list[str]:
    """Possible units of a Japanese text, folded, overlapping, without order or repetition."""
    folded = fold(text).text
    units = dict.fromkeys(match.group() for match in _KATAKANA.finditer(folded))
    for match in _KANJI.finditer(folded):
        run = match.group()
        if len(run) == 1:
            units[run] = None
        for start, end in combinations(range(len(run) + 1), 2):
            if 2 <= end - start <= _LONGEST_KANJI:
                units[run[start:end]] = None
        ending = _ENDING.match(folded, match.end())
        if ending and len(run) == 1:
            units[run + ending.group()] = None
    for match in _HIRAGANA.finditer(folded):
        word = match.group()
        for unit in (word, word.strip(_PARTICLES)):
            if 2 <= len(unit) <= _LONGEST_HIRAGANA:
                units[unit] = None
    return list(units)


def closed_units(counts: Mapping[str, int], least: int, share: float) -> dict[str, int]:
    """Units that are no mere piece of a longer one.

    Args:
        counts: Sentences that hold each possible unit.
        least: Fewest sentences.
        share: A unit goes when one longer by a character stands in this share of its sentences.

    Returns:
        The units that stay, numbered.
    """
    longer: dict[str, int] = defaultdict(int)
    for unit, count in counts.items():
        if len(unit) > 1 and _KANJI.match(unit):
            for piece in (unit[1:], unit[:-1]):
                longer[piece] = max(longer[piece], count)
    kept = (
        unit
        for unit, count in sorted(counts.items())
        if count >= least and longer[unit] < share * count
    )
    return {unit: number for number, unit in enumerate(kept)}


def learn(
    pairs: Sequence[tuple[str, str]],
    config: LexiconConfig,
    report: Callable[..., None] = lambda *_, **__: None,
) -> dict[str, Any]:
    """Learn a lexicon from ``(english, japanese)`` pairs.

    Returns:
        ``version``, ``english`` (stem to ``unit TAB probability TAB unit ...``, best first),
        ``japanese`` (unit to the same of stems) and ``surfaces`` (stem to its written forms, tabs
        between them). An entry is one string, since some ten thousand lists would be slow to read
        and be looked at by every garbage collection.

        A probability is that of :func:`engine.training.alignment.agreement`: both directions must
        agree, and a rare sense keeps its weight where the unit has no other word.
    """
    written: Counter[str] = Counter()
    units: Counter[str] = Counter()
    sentences: list[tuple[list[str], list[str]]] = []
    for done, (english, japanese) in enumerate(pairs, start=1):
        words = list(dict.fromkeys(english_words(english)))[: config.longest]
        found = japanese_units(japanese)
        written.update(words)
        units.update(found)
        sentences.append((list(dict.fromkeys(map(stem, words))), found))
        if done % 100_000 == 0:
            report("read", pairs=done)
    stems: Counter[str] = Counter(word for words, _ in sentences for word in words)
    common = config.commonest * len(sentences)
    kept = sorted(word for word, count in stems.items() if config.least <= count <= common)
    number = {word: at for at, word in enumerate(kept)}
    unit_number = closed_units(units, config.least, config.closed)
    left = Rows.of([[number[w] for w in words if w in number] for words, _ in sentences], len(kept))
    right = Rows.of(
        [[unit_number[u] for u in found if u in unit_number] for _, found in sentences],
        len(unit_number),
    )
    report("units", english=left.size, japanese=right.size, sentences=len(sentences))
    keys = associated_pairs(left, right, config.association, config.together)
    report("pairs", count=len(keys))
    found = align(left, right, keys, config.iterations)
    report("aligned", iterations=config.iterations)
    return _lexicon(found, left, right, kept, list(unit_number), written, config)


def _lexicon(
    found: Alignment,
    left: Rows,
    right: Rows,
    words: Sequence[str],
    units: Sequence[str],
    written: Counter[str],
    config: LexiconConfig,
) -> dict[str, Any]:
    agreed, usual = agreement(found, left, right)
    strong = np.flatnonzero((agreed >= config.probability) & (usual >= config.share))
    english: dict[str, list[list[Any]]] = defaultdict(list)
    japanese: dict[str, list[list[Any]]] = defaultdict(list)
    order = strong[np.lexsort((strong, -agreed[strong]))]
    for left_word, right_word, sure in zip(
        found.left[order].tolist(),
        found.right[order].tolist(),
        agreed[order].tolist(),
        strict=True,
    ):
        word, unit = words[int(left_word)], units[int(right_word)]
        probability = round(min(sure, 1.0), 2)
        if not any(overlaps(unit, other) for other, _ in english[word]):
            english[word].append([unit, probability])
        japanese[unit].append([word, probability])
    english = {word: found[: config.most] for word, found in english.items()}
    japanese = {unit: found[: config.most] for unit, found in japanese.items()}
    targets = {word for found in japanese.values() for word, _ in found}
    return {
        "version": VERSION,
        "english": {word: entry(found) for word, found in sorted(english.items())},
        "japanese": {unit: entry(found) for unit, found in sorted(japanese.items())},
        "surfaces": written_forms(written, targets, config.surfaces),
    }


def written_forms(written: Counter[str], stems: Set[str], most: int) -> dict[str, str]:
    """The commonest written forms of English stems, tabs between them."""
    forms: dict[str, list[str]] = defaultdict(list)
    for word, _ in sorted(written.items(), key=lambda item: (-item[1], item[0])):
        if stem(word) in stems and len(forms[stem(word)]) < most:
            forms[stem(word)].append(word)
    return {word: "\t".join(found) for word, found in sorted(forms.items())}


def entry(found: Sequence[Sequence[Any]]) -> str:
    """A word's translations in one string: ``unit TAB probability TAB unit ...``."""
    return "\t".join(f"{unit}\t{probability}" for unit, probability in found)


def overlaps(unit: str, better: str) -> bool:
    """Whether a unit says no more than a better one; runs of katakana are words of their own."""
    return better in unit or (unit in better and not _KATAKANA.fullmatch(unit))


def lexicon_pairs(
    corpus: Path, config: LexiconConfig, tag: str, seed: int, lessons: Sequence[Pair] = ()
) -> list[tuple[str, str]]:
    """Pairs to learn from: short ones with the tag, at most so many of each source, and lessons."""
    of_source: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for pair, source in iterate_tagged_pairs(corpus, tag):
        if len(pair.english) <= config.longest_pair:
            of_source[source].append((pair.english, pair.japanese))
    generator = random.Random(seed)
    chosen: list[tuple[str, str]] = []
    for source in sorted(of_source):
        pairs = of_source[source]
        generator.shuffle(pairs)
        chosen.extend(pairs[: config.per_source])
    chosen.extend((pair.english, pair.japanese) for pair in lessons)
    return chosen


def write_lexicon(lexicon: Mapping[str, Any], path: Path) -> int:
    """Write a lexicon whole or not at all; gives its bytes."""
    data = json.dumps(lexicon, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data)
    temporary.replace(path)
    return len(data)


def entry_count(lexicon: Mapping[str, Any]) -> int:
    """How many words and units of both languages have a translation."""
    return len(lexicon["english"]) + len(lexicon["japanese"])
