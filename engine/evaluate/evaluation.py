"""Measures a model pack on evaluation sets."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.evaluate.bm25 import Bm25
from engine.evaluate.collection import Judged, build, spread
from engine.evaluate.marks import mark, marks_f1
from engine.evaluate.results import STAGE, Group, Measures, MemorySet, SetResult
from engine.evaluate.retrieval import (
    estimate_spearman,
    estimates,
    first_rank,
    measured,
)
from engine.evaluate.set_documents import Model
from engine.evaluate.set_rows import (
    PAIRS,
    RETRIEVAL,
    SIMILARITY,
    SUMMARY,
    Part,
    Row,
    SetDocument,
    SetError,
    SetPair,
    SetQuestion,
)
from engine.evaluate.sets import EvaluationSet
from engine.evaluate.summary_sets import measure_summaries
from engine.evaluate.ways import ATTENTION, BM25, DENSE, Rankings, Ways
from engine.progress import CancelToken, Job, Progress
from engine.records import QueryEncoding
from engine.search.attention import late_interaction
from engine.search.dense import cut_cosines

SPEARMAN = "spearman"


def evaluate(
    found: EvaluationSet | MemorySet,
    encoder: Model,
    cancel: CancelToken,
    *,
    most: int | None = None,
    together: bool = False,
) -> Job[SetResult]:
    """Measure a pack on a set.

    Args:
        found: The set.
        encoder: The pack, loaded.
        cancel: Stops the work.
        most: At most so many questions of each kind, evenly taken; every document stays. Of
            a set of summaries, at most so many documents.
        together: See :func:`engine.evaluate.collection.build`.

    Yields:
        ``Progress("encode", ...)`` and ``Progress("evaluate", questions done, questions, name)``.

    Raises:
        SetError: The set is not usable.
        engine.errors.ChumokuError: A file cannot be read or the pack cannot run.
        engine.errors.Cancelled: ``cancel`` was set.
    """
    began = time.perf_counter()
    if found.kind == SIMILARITY:
        groups, passages, ranks = yield from _similarity(found, encoder, cancel, most)
    elif found.kind == PAIRS:
        groups, passages, ranks = yield from _pairs(found, encoder, cancel, most)
    elif found.kind == SUMMARY:
        group, passages = yield from measure_summaries(found, encoder, cancel, most)
        groups, ranks = (group,), ()
    else:
        groups, passages, ranks = yield from _retrieval(found, encoder, cancel, most, together)
    return SetResult(
        found.name, found.kind, passages, groups, ranks, round(time.perf_counter() - began, 1)
    )


_Found = tuple[tuple[Group, ...], int, tuple[tuple[str, Mapping[str, int | None]], ...]]


def _retrieval(
    found: EvaluationSet | MemorySet,
    encoder: Model,
    cancel: CancelToken,
    most: int | None,
    together: bool,
) -> Job[_Found]:
    collection = yield from build([found], encoder, cancel, together=together)
    asked = _chosen(found, collection.questions, most)
    ranked = yield from _ask(found.name, Ways(collection, encoder), asked, cancel)
    # What a list of questions about files contains tells a passage, not always the answer.
    marks = mark(collection, asked, encoder, cancel) if found.kind == RETRIEVAL else ()
    return _groups(asked, ranked, marks), len(collection.index), _ranks(asked, ranked)


def _pairs(
    found: EvaluationSet | MemorySet, encoder: Model, cancel: CancelToken, most: int | None
) -> Job[_Found]:
    """Each side is looked for by the other, among all sentences of its side."""
    pairs = [row for row in found.rows() if isinstance(row, SetPair)]
    asked: list[Judged] = []
    ranked: list[Rankings] = []
    for kind, queries, answers in (
        ("first_finds_second", [one.first for one in pairs], [one.second for one in pairs]),
        ("second_finds_first", [one.second for one in pairs], [one.first for one in pairs]),
    ):
        # Equal sentences are one sentence to be found.
        names = {text: str(place) for place, text in enumerate(dict.fromkeys(answers))}
        parts = tuple(Part(name, text) for text, name in names.items())
        rows: list[Row] = [SetDocument(kind, kind, parts, False)] if parts else []
        rows += [
            SetQuestion(query, (names[answer],), (), kind)
            for query, answer in zip(queries, answers, strict=True)
        ]
        side = MemorySet(found.name, RETRIEVAL, found.path, tuple(rows))
        collection = yield from build([side], encoder, cancel)
        chosen = _chosen(found, collection.questions, most)
        ways = Ways(collection, encoder, product=False)
        ranked += yield from _ask(found.name, ways, chosen, cancel)
        asked += chosen
    return _groups(asked, ranked), len(pairs), _ranks(asked, ranked)


def _chosen(
    found: EvaluationSet | MemorySet, questions: Sequence[Judged], most: int | None
) -> list[Judged]:
    if not questions:
        raise SetError("set_broken", path=str(found.path), line=1, reason="there are no questions")
    kinds = dict.fromkeys(one.kind for one in questions)
    return [
        one
        for kind in kinds
        for one in spread([one for one in questions if one.kind == kind], most)
    ]


def _ask(
    name: str, ways: Ways, asked: Sequence[Judged], cancel: CancelToken
) -> Job[list[Rankings]]:
    ranked = []
    for rankings in ways.rank([one.query for one in asked], cancel):
        ranked.append(rankings)
        yield Progress(STAGE, len(ranked), len(asked), name)
    return ranked


def _groups(
    asked: Sequence[Judged],
    ranked: Sequence[Rankings],
    marks: Sequence[Mapping[str, float] | None] = (),
) -> tuple[Group, ...]:
    kinds = dict.fromkeys(one.kind for one in asked)
    found = []
    for kind in ("", *(filter(None, kinds) if len(kinds) > 1 else ())):
        chosen = [at for at, one in enumerate(asked) if kind in ("", one.kind)]
        held = [one for at in chosen if marks and (one := marks[at]) is not None]
        group = _group(kind, chosen, asked, ranked)
        found.append(replace(group, marks=marks_f1(held)))
    return tuple(found)


def _group(
    name: str, chosen: Sequence[int], asked: Sequence[Judged], ranked: Sequence[Rankings]
) -> Group:
    relevant = [asked[at].relevant for at in chosen]
    ways: dict[str, Measures] = {}
    gains: dict[str, Measures] = {}
    base = {
        measure: np.array(values)
        for measure, values in measured([ranked[at][BM25] for at in chosen], relevant).items()
    }
    for way in ranked[0]:
        values = measured([ranked[at][way] for at in chosen], relevant)
        ways[way] = estimates(values)
        if way != BM25:
            gains[way] = estimates(
                {measure: (held - base[measure]).tolist() for measure, held in values.items()}
            )
    return Group(name, len(chosen), ways, gains)


def _ranks(
    asked: Sequence[Judged], ranked: Sequence[Rankings]
) -> tuple[tuple[str, Mapping[str, int | None]], ...]:
    return tuple(
        (one.query, {way: first_rank(rows, one.relevant) for way, rows in rankings.items()})
        for one, rankings in zip(asked, ranked, strict=True)
    )


def _similarity(
    found: EvaluationSet | MemorySet, encoder: Model, cancel: CancelToken, most: int | None
) -> Job[_Found]:
    """Rank correlation of each way's score of a pair with the given one."""
    pairs = [row for row in found.rows() if isinstance(row, SetPair)]
    # A correlation needs two.
    pairs = spread(pairs, most and max(most, 2))
    if len(pairs) < 2:
        raise SetError("set_broken", path=str(found.path), line=1, reason="there are no two pairs")
    texts = list(dict.fromkeys(text for one in pairs for text in (one.first, one.second)))
    encoded: dict[str, QueryEncoding] = {}
    for text in texts:
        cancel.check()
        encoded[text] = encoder.encode_query(text)
        yield Progress(STAGE, len(encoded), len(texts), found.name)
    sides = [(encoded[one.first], encoded[one.second]) for one in pairs]
    scores = {
        BM25: _bm25_similarity(texts, pairs),
        DENSE: [float(one.vector @ other.vector) for one, other in sides],
        **{
            f"{DENSE}@{width}": [
                float(cut_cosines(one.vector, other.vector[None], width)[0]) for one, other in sides
            ]
            for width in encoder.pack.config.passage_widths
        },
        ATTENTION: [_late_similarity(one, other) for one, other in sides],
    }
    given = [one.score or 0.0 for one in pairs]
    ways = {way: {SPEARMAN: estimate_spearman(held, given)} for way, held in scores.items()}
    return (Group("", len(pairs), ways, {}),), len(texts), ()


def _bm25_similarity(texts: Sequence[str], pairs: Sequence[SetPair]) -> list[float]:
    """BM25 both ways as a share of what each sentence scores for itself."""
    index = Bm25(texts)
    places = {text: at for at, text in enumerate(texts)}
    found = []
    for one in pairs:
        first, second = index.scores(one.first), index.scores(one.second)
        here, there = places[one.first], places[one.second]
        own = float(first[here] + second[there])
        found.append(float(first[there] + second[here]) / own if own else 0.0)
    return found


def _late_similarity(first: QueryEncoding, second: QueryEncoding) -> float:
    """Late interaction both ways."""
    return (_late(first, second) + _late(second, first)) / 2.0


def _late(query: QueryEncoding, passage: QueryEncoding) -> float:
    # Passages are stored as int8.
    tokens = np.rint(passage.token_vectors * 127.0).astype(np.int8)
    return float(late_interaction(query, tokens, np.array([[0, len(tokens)]]))[0])
