from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from engine.progress import CancelToken
from engine.records import DocumentId, Passage, PassageId, QueryEncoding, RevisionId
from engine.search import attention
from engine.search.headings import NAMED, reached
from engine.search.index import Index, IndexedRevision, MeaningVectors, TokenArrays

WIDTH = 64


def unit(vectors):
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def arrays(vectors, block=4):
    """Tokens of two characters each, without gaps."""
    count = len(vectors)
    spans = np.stack([2 * np.arange(count), 2 * np.arange(count) + 2], axis=1).astype(np.int32)
    means = [vectors[start : start + block].mean(axis=0) for start in range(0, count, block)]
    return TokenArrays(
        spans,
        np.round(vectors * 127).astype(np.int8),
        np.array(means).astype(np.float16),
        block,
    )


def scope(*revisions):
    """Revisions given as (vectors, tokens of each passage)."""
    made = []
    for number, (vectors, sizes) in enumerate(revisions, start=1):
        ends = np.cumsum(sizes)
        passages = tuple(
            Passage(i, 2 * int(end - size), 2 * int(end), "text", (), ())
            for i, (end, size) in enumerate(zip(ends, sizes, strict=True))
        )
        tokens = arrays(vectors)
        made.append(
            IndexedRevision(
                DocumentId(number),
                RevisionId(number),
                f"{number}.txt",
                passages,
                tuple(PassageId(100 * number + i) for i in range(len(passages))),
                MeaningVectors(np.zeros((0, 8)), np.zeros((len(passages), 8))),
                partial("検査".__mul__, len(vectors)),
                lambda tokens=tokens: tokens,
            )
        )
    return Index(made)


def asked(*vectors):
    count = len(vectors)
    spans = np.stack([np.arange(count), np.arange(count) + 1], axis=1).astype(np.int32)
    even, rows = np.full(count, 1 / max(count, 1), np.float32), unit(vectors)
    return QueryEncoding("検" * count, spans, rows, np.zeros(8, np.float32), even, rows, even)


@pytest.fixture
def noise():
    return unit(np.random.default_rng(1).normal(size=(400, WIDTH)))


def test_score_is_the_mean_of_the_best_cosines(noise):
    vectors = noise[:12].copy()
    index = scope((vectors, [4, 4, 4]))
    query = asked(vectors[5], vectors[7])
    scores = attention.score_rows(query, index, np.array([0, 1]), CancelToken())
    assert scores[1] == pytest.approx(1.0, abs=0.01)
    similar = (query.token_vectors @ vectors[:4].T).max(axis=1)
    assert scores[0] == pytest.approx(similar.mean(), abs=0.01)


def test_rows_of_several_revisions_are_scored_where_they_stand(noise):
    index = scope((noise[:8], [4, 4]), (noise[8:20], [6, 6]))
    query = asked(noise[15])
    scores = attention.score_rows(query, index, np.arange(4), CancelToken())
    assert scores.argmax() == 3


def test_survey_proposes_the_attended_passage_and_counts_the_blocks(noise, monkeypatch):
    monkeypatch.setattr(attention, "BUDGET_BLOCKS", 5)
    index = scope((noise, [8] * 50))
    surveyed = attention.survey(asked(noise[170], noise[171]), index, 0)
    assert surveyed is not None
    rows, seen = surveyed
    assert rows[0] == 170 // 8
    assert len(seen.kept) == 5 and seen.dropped == 95
    assert [score for *_, score in seen.kept] == sorted(
        (score for *_, score in seen.kept), reverse=True
    )
    block, start, end, _ = seen.kept[0]
    assert (start, end) == (8 * block, 8 * block + 8)
    assert seen.token_weights.max() == pytest.approx(1.0)
    strongest = seen.token_spans[seen.token_weights.argmax()].tolist()
    assert strongest in ([340, 342], [342, 344])
    assert (np.diff(seen.token_spans[:, 0]) > 0).all()


def test_attention_inside_a_passage_falls_on_what_matches(noise):
    index = scope((noise[:20], [10, 10]))
    spans, weights = attention.passage_attention(asked(noise[13], -noise[17]), index, 1)
    assert weights.sum() == pytest.approx(1.0, abs=1e-5)
    assert spans[weights.argmax()].tolist() == [26, 28]
    assert weights.max() > 0.8


def test_scorer_agrees_with_the_search_and_falls_without_the_match(noise):
    index = scope((noise[:20], [10, 10]))
    query = asked(noise[13], noise[15])
    tokens = index.tokens(0)
    assert tokens is not None
    spans, score = attention.passage_scorer(query, tokens, 20, 40)
    assert len(spans) == 10
    everything = np.ones(10, bool)
    expected = attention.score_rows(query, index, np.array([1]), CancelToken())[0]
    assert score(everything) == pytest.approx(expected)
    everything[[3, 5]] = False
    assert score(everything) < expected - 0.3
    assert score(np.zeros(10, bool)) == 0.0


def test_no_tokens_no_attention(noise):
    index = scope((noise[:4], [4]))
    assert attention.survey(asked(), index, 0) is None
    empty = IndexedRevision(
        DocumentId(1), RevisionId(1), "a", (Passage(0, 0, 2, "text", (), ()),), (PassageId(1),),
        None, lambda: "検査", None,
    )  # fmt: skip
    index = Index([empty])
    assert attention.survey(asked(noise[0]), index, 0) is None
    assert np.isnan(
        attention.score_rows(asked(noise[0]), index, np.array([0]), CancelToken())
    ).all()
    assert len(attention.passage_attention(asked(noise[0]), index, 0)[1]) == 0


def below(headings, paths, *vectors, size=4):
    """One revision: passages of ``size`` tokens below headings, which have vectors of their own."""
    index = scope((np.concatenate(vectors), [size] * len(paths)))
    (revision,) = index.revisions
    passages = tuple(
        replace(passage, heading_path=path)
        for passage, path in zip(revision.passages, paths, strict=True)
    )
    tokens = index.tokens(0)
    assert tokens is not None
    stored = {name: np.round(one * 127).astype(np.int8) for name, one in headings.items()}
    held = replace(tokens, headings=stored)
    return Index([replace(revision, passages=passages, load_tokens=lambda: held)])


def test_a_passage_counts_with_the_headings_above_it(noise):
    headings = {"カバー": noise[50:52], "章": noise[60:61], "空": noise[:0]}
    paths = [("章", "カバー"), ("空",), (), ("章",)]
    index = below(headings, paths, noise[:16])
    query = asked(noise[51], noise[2], noise[60])
    tokens = index.tokens(0)
    assert tokens is not None
    found = reached(query.token_vectors, tokens, paths)
    own = np.maximum(query.token_vectors @ noise[50:52].T, 0).max(axis=1)
    chapter = np.maximum(query.token_vectors @ noise[60], 0)
    np.testing.assert_allclose(found[0], np.maximum(own, chapter), atol=0.01)
    np.testing.assert_allclose(found[3], chapter, atol=0.01)
    assert not found[1:3].any()
    scores = attention.score_rows(query, index, np.arange(4), CancelToken())
    # Its heading, its text and its chapter each say one of the three things asked for.
    assert scores[0] == pytest.approx(1.0, abs=0.01)
    cosines = np.maximum((query.token_vectors @ noise[8:12].T).max(axis=1), 0)
    assert scores[2] == pytest.approx(np.sqrt((cosines**2).mean()), abs=0.01)
    assert scores[2] < 0.7


def test_a_passage_counts_with_the_name_of_its_file(noise):
    index = scope((noise[:8], [4, 4]), (noise[8:16], [4, 4]))
    files = [
        replace(revision, path=path)
        for revision, path in zip(index.revisions, ["/a/検査_記録.pdf", "図面.pdf"], strict=True)
    ]
    index = Index(files)
    query = replace(asked(noise[50], noise[51], noise[2]), text="検査日")
    scores = attention.score_rows(query, index, np.arange(4), CancelToken())
    own = np.maximum((query.token_vectors @ noise[:4].T).max(axis=1), [NAMED, NAMED, 0])
    assert scores[0] == pytest.approx(np.sqrt((own**2).mean()), abs=0.01)
    assert scores[0] > 0.95 and max(scores[2:]) < 0.7
    tokens = index.tokens(0)
    assert tokens is not None
    _, score = attention.passage_scorer(query, tokens, 0, 8, file=files[0].path)
    assert score(np.ones(4, bool)) == pytest.approx(scores[0])
    assert score(np.zeros(4, bool)) == pytest.approx(NAMED * np.sqrt(2 / 3))


def test_headings_propose_what_lies_below_them(noise):
    headings = {"カバー": noise[50:52], "別": noise[70:72]}
    paths = [("別",)] * 30 + [("カバー",)] * 5 + [("別",)] * 5
    index = below(headings, paths, noise[100:260])
    surveyed = attention.survey(asked(noise[50], noise[51]), index, 0)
    assert surveyed is not None
    assert {30, 31, 32, 33, 34} <= set(surveyed[0].tolist())
    assert len(set(surveyed[0].tolist())) == len(surveyed[0]) <= 2 * attention.PROPOSED


def test_the_scorer_keeps_the_headings(noise):
    index = below({"カバー": noise[50:52]}, [("カバー",), ("カバー",)], noise[:20], size=10)
    query = asked(noise[51], noise[13])
    tokens = index.tokens(0)
    assert tokens is not None
    _, score = attention.passage_scorer(query, tokens, 20, 40, ("カバー",))
    everything = np.ones(10, bool)
    expected = attention.score_rows(query, index, np.array([1]), CancelToken())[0]
    assert score(everything) == pytest.approx(expected) == pytest.approx(1.0, abs=0.01)
    everything[3] = False
    assert np.sqrt(0.5) - 0.01 < score(everything) < 0.9
    assert score(np.zeros(10, bool)) == pytest.approx(np.sqrt(0.5), abs=0.01)
