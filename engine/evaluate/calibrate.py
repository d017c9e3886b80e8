"""Fits the fusion of a pack: ``python -m engine.evaluate.calibrate --pack DIR SET...``.

The sets are of kind ``retrieval`` or ``files``. Those that ``engine.evaluate.splits`` writes into
``whole/`` hold what training never saw: Japanese and English questions on text of their language,
headings of one language on documents of the other, sentences asked for by paraphrases, and lessons
in both languages, asked in their words and in others.
Questions of split ``test`` are left out. Each set is a scope of its own, its documents encoded in
one pass each, as the product does. For each set of parts the weights are fitted to put the right
candidates first among all that search gathers, then the scale that turns strength into probability.
Half of the questions fit, the other half judges, and all of them give the parameters that are
written into ``pack.json``.
"""

import argparse
import itertools
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli_words import error_text
from engine.errors import ChumokuError
from engine.evaluate.collection import Collection, build, spread
from engine.evaluate.regression import fit_choice, fit_logistic
from engine.evaluate.retrieval import Estimate, figures
from engine.evaluate.set_rows import FILES, RETRIEVAL, SetError
from engine.evaluate.sets import EvaluationSet, find_sets
from engine.model.encoder import Encoder
from engine.model.pack import load_pack, write_section
from engine.progress import CancelToken, run
from engine.records import SearchSettings
from engine.search import fusion
from engine.search.candidates import Candidates
from engine.search.fusion import Calibration
from engine.search.fusion_features import FEATURES, PARTS, RawParts, features
from engine.search.query import QueryShape, shape
from engine.search.question import put
from engine.search.ranking import rank
from engine.search.translation import shipped_translator

MOST_QUESTIONS = 600
TEST = "test"
# How likely a Japanese question is meant for an English passage, beside a Japanese one. Among the
# fitted lessons the languages are alike; whoever asks in Japanese mostly means Japanese documents.
FOREIGN_ODDS = 1 / 3
# Strong enough that no part is trusted as far as the documents of the fit alone would have it: with
# a tenth of it the encoder, which has read their like, leaves the translated words nearly no say.
RIDGE = 1e-2


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's candidates and which of them are right."""

    query: str
    found: Candidates
    relevant: frozenset[int]

    @property
    def labels(self) -> np.ndarray:
        """bool ``[N]``."""
        return np.isin(self.found.rows, list(self.relevant))


def ask(collection: Collection, encoder: Encoder, most: int, cancel: CancelToken) -> list[Asked]:
    """Gather the candidates of a set's questions, at most ``most`` of them.

    Those read for an answer are the best by the defaults, whatever the pack was fitted to before.
    """
    index, postings = collection.index, collection.postings
    translator = shipped_translator(encoder.pack.lexicon)
    asked = []
    for item in spread([one for one in collection.questions if one.split != TEST], most):
        found = rank(
            put(item.query, translator.terms, encoder.encode_query),
            SearchSettings(),
            index,
            postings,
            {},
            encoder.pack.highlights,
            cancel,
        ).found
        if len(found.rows):
            asked.append(Asked(item.query, found, item.relevant))
    return asked


def only(raw: RawParts, parts: Sequence[str]) -> RawParts:
    """Raw scores with every other part absent."""
    absent = np.full(len(raw.exact), np.nan)
    return RawParts(
        lexical=raw.lexical if "lexical" in parts else absent,
        associated=raw.associated,
        exact=raw.exact if "lexical" in parts else np.zeros(len(raw.exact)),
        dense=raw.dense if "dense" in parts else absent,
        attention=raw.attention if "attention" in parts else absent,
        answer=raw.answer if {"lexical", "attention"} <= set(parts) else absent,
    )


def part_sets() -> list[tuple[str, ...]]:
    """Every set of parts that can run."""
    return [
        names for size in range(1, len(PARTS) + 1) for names in itertools.combinations(PARTS, size)
    ]


def fit(sets: Sequence[Sequence[Asked]]) -> dict[str, Any]:
    """Fit the ``fusion`` section to sets of questions, each of which weighs alike."""
    asked = [item for items in sets for item in items]
    shares = np.array([1 / len(items) for items in sets for _ in items])
    return {
        "version": fusion.VERSION,
        "curves": {name: _curve(asked, name) for name in PARTS},
        "weights": {"+".join(parts): _weights(asked, shares, parts) for parts in part_sets()},
        "short_bonus": fusion.SHORT_EXACT_BONUS,
    }


def _weights(
    asked: Sequence[Asked], shares: np.ndarray, parts: tuple[str, ...]
) -> dict[str, float]:
    offsets = ("foreign", "foreign_latin")
    names = [*FEATURES, *offsets]
    questions = []
    for item in asked:
        foreign, kind = item.found.foreign, _sentence(item)
        made = features(only(item.found.raw, parts), parts, kind, foreign)
        columns = [*made.values(), foreign * float(not kind.latin), foreign * float(kind.latin)]
        questions.append((np.stack(columns, axis=1), item.labels))
    free = np.array([name in offsets for name in names])
    fitted = dict(
        zip(names, fit_choice(questions, free, shares, ridge=RIDGE).tolist(), strict=True)
    )
    fitted["foreign"] += math.log(FOREIGN_ODDS)

    strengths, labels = [], []
    for item in asked:
        raw, foreign = only(item.found.raw, parts), item.found.foreign
        found = fusion.strength(raw, parts, fitted, kind=_sentence(item), foreign=foreign)
        strengths.append(fusion.scales(found))
        labels.append(item.labels)
    weights = np.repeat(shares, [len(found) for found in labels])
    scale, bias = fit_logistic(np.concatenate(strengths), np.concatenate(labels), weights)
    fitted |= dict(zip(fusion.SCALES, scale.tolist(), strict=True)) | {"bias": bias}
    return {name: round(value, 4) for name, value in fitted.items()}


def _sentence(item: Asked) -> QueryShape:
    """The kind of a question, as if it were a whole sentence: what is fitted is the rule."""
    return replace(shape(item.query), short=0.0)


def _curve(asked: Sequence[Asked], part: str) -> dict[str, float]:
    """Right and wrong candidates weigh the same, so 0.5 is as likely right as wrong."""
    values = np.concatenate([item.found.raw.shown(part) for item in asked])
    labels = np.concatenate([item.labels for item in asked])
    held = values > 0 if part == "lexical" else ~np.isnan(values)
    values, labels = values[held], labels[held]
    balance = np.where(labels, 0.5 / max(labels.sum(), 1), 0.5 / max((~labels).sum(), 1))
    (slope,), offset = fit_logistic(values[:, None], labels, balance)
    return {"slope": round(float(slope), 4), "offset": round(offset, 4)}


def judge(
    asked: Sequence[Asked], section: Mapping[str, Any], parts: Sequence[str]
) -> dict[str, Estimate]:
    """Figures of retrieval with some of the parts."""
    calibration = Calibration.read(section)
    rankings = []
    for item in asked:
        scores = fusion.fuse(
            only(item.found.raw, parts),
            calibration,
            kind=shape(item.query),
            foreign=item.found.foreign,
            setback=item.found.setback,
        )
        order = np.lexsort((item.found.rows, -np.round(scores, 9)))
        rankings.append(item.found.rows[order].tolist())
    return figures(rankings, [item.relevant for item in asked])


def report(asked: Mapping[str, Sequence[Asked]], section: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of each group for each set of parts."""
    return {
        name: {
            "+".join(parts): {
                figure: [round(value, 4) for value in (held.mean, held.low, held.high)]
                for figure, held in judge(items, section, parts).items()
            }
            for parts in part_sets()
        }
        for name, items in asked.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, judge and write; prints the figures as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.evaluate.calibrate", description=__doc__
    )
    parser.add_argument("--pack", type=Path, required=True, help="folder of the pack")
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="files or folders")
    parser.add_argument("--documents", type=Path, help="documents of a list of questions")
    parser.add_argument("--dry-run", action="store_true", help="print only, write nothing")
    options = parser.parse_args(arguments)
    try:
        section = calibrate(options.pack, find_sets(options.sets, options.documents))
    except ChumokuError as error:
        sys.stderr.write(f"{error_text(error)}\n")
        return 1
    if not options.dry_run:
        write_section(options.pack, "fusion", section)
    json.dump(section, sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0


def calibrate(pack: Path, sets: Sequence[EvaluationSet]) -> dict[str, Any]:
    """The ``fusion`` section of a pack from sets of questions.

    Raises:
        SetError: A set is not usable or not one of questions.
        engine.errors.ChumokuError: The pack or a file cannot be used.
    """
    for one in sets:
        if one.kind not in (RETRIEVAL, FILES):
            reason = f"a set of kind {one.kind} has no questions"
            raise SetError("set_broken", path=str(one.path), line=1, reason=reason)
    encoder = Encoder.load(load_pack(pack))
    cancel = CancelToken()
    asked: dict[str, list[Asked]] = {}
    for one in sets:
        collection = run(build([one], encoder, cancel, together=True))
        asked.setdefault(one.name, []).extend(ask(collection, encoder, MOST_QUESTIONS, cancel))
    judging = {name: items[1::2] for name, items in asked.items()}
    section = fit(list(asked.values()))
    fitting = fit([items[::2] for items in asked.values()])
    return section | {"figures": report(judging, fitting)}


if __name__ == "__main__":
    sys.exit(main())
