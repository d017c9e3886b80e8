"""Fits the highlights of a pack: ``python -m engine.evaluate.fit_highlights``.

From training questions with known answers it learns which phrase of a passage answers, and which of
several passages of a document holds the answer (``engine/search/answering.py``), and writes the
weights into the ``highlights`` section of ``pack.json``. The figures beside them are
cross-validated over whole titles.
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli_words import error_text
from engine.errors import ChumokuError
from engine.evaluate.highlights import cases
from engine.evaluate.marks import Case, overlap_f1
from engine.model.encoder import Encoder
from engine.model.pack import load_pack, write_section
from engine.progress import CancelToken
from engine.search.answer_passages import read_passage
from engine.search.answering import SHARE, VERSION, marks
from engine.search.attention import score_rows
from engine.search.dense import cosines
from engine.search.lexical import match_spans
from engine.search.phrases import Phrase
from engine.training.config import load_config
from engine.training.corpus import Question
from engine.training.splits import read_split

MOST_QUESTIONS = 3000
QUESTIONS_PER_TITLE = 20
SEED = 20261123
FOLDS = 3
# Features of fewer phrases say nothing.
RAREST = 8
RIDGE = 6e-4
STEPS = 30
# A phrase's share of the right answer: its F1 to this power, so that the best phrase counts most.
SHARPNESS = 3
# Languages whose passages are told apart. Weights for English, learned from tales, put the right
# passage first for 0.562 of 130 questions of FairytaleQA, none for 0.608.
TOLD_APART = ("ja",)
# Other passages of the document that a question's own is told from: those which attention and,
# counting for so much of it, meaning find best.
RIVALS = 4
MEANING = 0.3


@dataclass(frozen=True, slots=True)
class Example:
    """The phrases of a passage, what is known of each, and how well each answers.

    ``rivals`` holds what is known of the phrases of other passages, which do not answer.
    """

    title: str
    length: int
    found: tuple[Phrase, ...]
    rows: tuple[dict[str, float], ...]
    quality: np.ndarray
    answers: tuple[tuple[int, int], ...]
    rivals: tuple[dict[str, float], ...] = ()


def example(case: Case, *, across: bool = False) -> Example | None:
    """Describe a question's phrases, those of rivals too if ``across``; None where none of them
    touches the answer."""
    query, index = case.query, case.index
    reading = read_passage(query, index, case.row, case.echoes)
    if reading is None:
        return None
    quality = np.array(
        [overlap_f1([(one.start, one.end)], case.answers, len(case.text)) for one in reading.found]
    )
    if not quality.any():
        return None
    others: list[dict[str, float]] = []
    for row in rivals(case) if across else ():
        other = read_passage(query, index, row, match_spans(query.text, index.passage_text(row)))
        others += other.rows if other is not None else ()
    return Example(
        case.title,
        len(case.text),
        reading.found,
        reading.rows,
        quality,
        case.answers,
        tuple(others),
    )


def rivals(case: Case) -> list[int]:
    """The passages likeliest to be taken for the one that answers, without the answer's words."""
    rows = np.arange(len(case.index))
    likely = np.nan_to_num(score_rows(case.query, case.index, rows, CancelToken()))
    likely += MEANING * np.nan_to_num(cosines(case.query.vector, case.index))
    answers = {case.text[start:end] for start, end in case.answers}
    others = [
        row
        for row in np.argsort(-likely).tolist()
        if row != case.row and not any(one in case.index.passage_text(row) for one in answers)
    ]
    return others[:RIVALS]


def fit(examples: Sequence[Example], *, across: bool = False) -> dict[str, float]:
    """Weights of the features by conditional logistic regression with soft choices.

    Newton's method; features are scaled to their deviation and penalised alike.

    Args:
        examples: What is learned from.
        across: Choose among the phrases of the rivals, too.

    Source:
        McFadden 1974, Conditional logit analysis.
    """
    described = [one.rows + one.rivals if across else one.rows for one in examples]
    counts = Counter(name for rows in described for row in rows for name in row)
    names = sorted(name for name, count in counts.items() if count >= RAREST)
    place = {name: at for at, name in enumerate(names)}
    sizes = np.array([len(rows) for rows in described])
    matrix = np.zeros((int(sizes.sum()), len(names)), np.float32)
    for at, row in enumerate(row for rows in described for row in rows):
        for name, value in row.items():
            if name in place:
                matrix[at, place[name]] = value
    scale = matrix.std(axis=0)
    scale[scale == 0] = 1.0
    matrix /= scale
    targets = np.concatenate(
        [
            np.pad(
                one.quality**SHARPNESS / (one.quality**SHARPNESS).sum(), (0, size - len(one.rows))
            )
            for one, size in zip(examples, sizes, strict=True)
        ]
    )
    found = _newton(matrix, targets, sizes)
    weights = found / scale
    return {
        name: round(float(weight), 4)
        for name, weight in zip(names, weights, strict=True)
        if round(float(weight), 4)
    }


def _newton(matrix: np.ndarray, targets: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    found = np.zeros(matrix.shape[1])
    share = 1.0 / len(sizes)
    loss, chance = _loss(matrix, targets, starts, sizes, found)
    for _ in range(STEPS):
        slope = share * (matrix.T @ (chance - targets).astype(np.float32)) + RIDGE * found
        weighted = matrix * chance.astype(np.float32)[:, None]
        means = np.add.reduceat(weighted, starts, axis=0)
        curve = share * (matrix.T @ weighted - means.T @ means).astype(np.float64)
        step = np.linalg.solve(curve + RIDGE * np.eye(len(found)), slope)
        length = 1.0
        reached, moved = _loss(matrix, targets, starts, sizes, found - step)
        while reached > loss and length > 1e-3:
            length /= 2
            reached, moved = _loss(matrix, targets, starts, sizes, found - length * step)
        gained = loss - reached
        if gained > 0:
            found, loss, chance = found - length * step, reached, moved
        if gained < 1e-6:
            break
    return found


def _loss(
    matrix: np.ndarray,
    targets: np.ndarray,
    starts: np.ndarray,
    sizes: np.ndarray,
    found: np.ndarray,
) -> tuple[float, np.ndarray]:
    logits = (matrix @ found.astype(np.float32)).astype(np.float64)
    logits -= np.repeat(np.maximum.reduceat(logits, starts), sizes)
    chance = np.exp(logits)
    totals = np.repeat(np.add.reduceat(chance, starts), sizes)
    likelihood = targets @ (logits - np.log(totals)) / len(sizes)
    return float(-likelihood + 0.5 * RIDGE * found @ found), chance / totals


def judge(examples: Sequence[Example], weights: dict[str, float], share: float) -> list[float]:
    """F1 of the marks of each example."""
    values = []
    for one in examples:
        logits = np.array(
            [sum(weights.get(name, 0.0) * value for name, value in row.items()) for row in one.rows]
        )
        marked = marks(one.found, logits, one.length, share)
        values.append(overlap_f1([(a, b) for a, b, _ in marked], one.answers, one.length))
    return values


def cross_validated(examples: Sequence[Example], share: float) -> float:
    """Mean F1, each title judged by weights fitted without it."""
    order = {title: at for at, title in enumerate(sorted({one.title for one in examples}))}
    values: list[float] = []
    for fold in range(FOLDS):
        inside = [one for one in examples if order[one.title] % FOLDS == fold]
        outside = [one for one in examples if order[one.title] % FOLDS != fold]
        if inside and outside:
            values += judge(inside, fit(outside), share)
    return float(np.mean(values)) if values else 0.0


def sample(questions: Sequence[Question], most: int) -> list[Question]:
    """Questions of titles drawn at random, a few of each, until there are ``most``."""
    titles: dict[str, list[Question]] = {}
    for item in questions:
        if item.answer and item.answer in item.context:
            titles.setdefault(item.title, []).append(item)
    names = sorted(titles)
    random.Random(SEED).shuffle(names)
    drawn: list[Question] = []
    for name in names:
        drawn += titles[name][:QUESTIONS_PER_TITLE]
        if len(drawn) >= most:
            break
    return drawn[:most]


def section(
    questions: dict[str, list[Question]], encoder: Encoder, most: int, share: float = SHARE
) -> dict[str, Any]:
    """The ``highlights`` section of a pack, fitted to training questions of both languages."""
    made: dict[str, Any] = {"version": VERSION, "share": share, "marks": {}, "passages": {}}
    made["figures"] = {}
    for language, items in questions.items():
        across = language in TOLD_APART
        described = (example(case, across=across) for case in cases(sample(items, most), encoder))
        examples = [one for one in described if one is not None]
        if examples:
            made["marks"][language] = fit(examples)
            if across:
                made["passages"][language] = fit(examples, across=True)
            made["figures"][language] = {
                "f1": round(cross_validated(examples, share), 4),
                "questions": len(examples),
            }
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and write; prints the figures as JSON.

    Raises:
        SystemExit: With words of one line, when settings, corpus or pack cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m engine.evaluate.fit_highlights")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--config", type=Path, required=True, help="the training's settings (TOML)")
    parser.add_argument("--pack", type=Path, required=True, help="folder of the pack")
    parser.add_argument("--most", type=int, default=MOST_QUESTIONS, help="questions a language")
    parser.add_argument("--dry-run", action="store_true", help="print only, write nothing")
    options = parser.parse_args(arguments)
    try:
        config = load_config(options.config)
        split = read_split(options.corpus, config.pairs, config.split, config.seed)
        encoder = Encoder.load(load_pack(options.pack))
        made = section(split.questions, encoder, options.most)
        if not options.dry_run:
            write_section(options.pack, "highlights", made)
    except ChumokuError as error:
        sys.exit(error_text(error))
    except OSError as error:
        sys.exit(str(error))
    json.dump(made["figures"], sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
