from dataclasses import replace

import numpy as np
import pytest

from engine.records import DocumentId, Passage, PassageId, RevisionId
from engine.search.dense import best_rows, cosines
from engine.search.index import Index, IndexedRevision, MeaningVectors, TokenArrays


def revision(number, count, loads, *, analysed=True):
    passages = tuple(
        Passage(i, i * 3, i * 3 + 2, "text", (), ((i * 3, i * 3 + 2),)) for i in range(count)
    )

    def load():
        loads.append(number)
        return TokenArrays(
            np.zeros((64, 2), np.int32),
            np.zeros((64, 8), np.int8),
            np.zeros((1, 8), np.float16),
            64,
        )

    return IndexedRevision(
        DocumentId(number),
        RevisionId(number),
        f"{number}.txt",
        passages,
        tuple(PassageId(number * 100 + i) for i in range(count)),
        MeaningVectors(*2 * [np.eye(count, 8, dtype=np.float16)]) if analysed else None,
        lambda: "ab " * count,
        load if analysed else None,
    )


def test_rows_follow_revision_and_position():
    index = Index([revision(9, 2, []), revision(4, 3, [])])
    assert len(index) == 5
    assert [index.passage_id(row) for row in range(5)] == [400, 401, 402, 900, 901]
    assert [index.row(PassageId(number)) for number in (402, 900, 777)] == [2, 3, None]
    assert index.passage(3).ordinal == 0
    assert index.passage_text(4) == "ab"


def test_token_arrays_are_kept_up_to_a_budget():
    loads = []
    size = 64 * 8 + 64 * 8 + 16
    index = Index([revision(number, 1, loads) for number in (1, 2, 3)], cache_bytes=2 * size)
    for position in (0, 1, 0, 2, 0, 1):
        assert index.tokens(position) is not None
    assert loads == [1, 2, 3, 2]


def test_one_revision_larger_than_the_budget_still_loads():
    index = Index([revision(1, 1, [])], cache_bytes=1)
    assert index.tokens(0) is index.tokens(0)


def test_passages_know_their_paths():
    one = revision(1, 4, [])
    paths = [("章", "節"), (), ("章", "節"), ("章",)]
    passages = tuple(
        replace(passage, heading_path=path)
        for passage, path in zip(one.passages, paths, strict=True)
    )
    index = Index([revision(0, 2, []), replace(one, passages=passages)])
    for _ in range(2):
        distinct, numbers = index.paths(1)
        assert (distinct, numbers.tolist()) == ([("章", "節"), (), ("章",)], [0, 1, 0, 2])
    assert index.paths(0)[0] == [()]


def test_revision_without_analysis_has_no_cosine():
    index = Index([revision(1, 2, []), revision(2, 2, [], analysed=False)])
    scores = cosines(np.eye(8, dtype=np.float32)[1], index)
    assert scores[:2].tolist() == [0, 1]
    assert np.isnan(scores[2:]).all()
    assert index.tokens(1) is None


def test_scope_without_any_analysis():
    index = Index([revision(2, 2, [], analysed=False)])
    assert np.isnan(cosines(np.ones(8, np.float32), index)).all()
    assert len(Index([])) == 0


def test_a_passage_is_as_near_as_its_nearest_sentence():
    passages = (
        Passage(0, 0, 2, "text", (), ((0, 1), (1, 2))),
        Passage(1, 3, 4, "text", (), ((3, 4),)),
        Passage(2, 5, 6, "row", (), ()),
    )
    sentences = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.6, 0.8]])
    whole = np.array([[0.7071, 0.7071, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    one = revision(1, 3, [])
    index = Index(
        [
            IndexedRevision(
                one.document_id, one.revision_id, one.path, passages, one.passage_ids,
                MeaningVectors(sentences, whole), one.load_text, one.load_tokens,
            )
        ]
    )  # fmt: skip
    assert cosines(np.array([0.0, 1.0, 0.0]), index) == pytest.approx([1, 0.6, 0], abs=2e-3)
    # The whole counts where a question is about all of it.
    both = np.array([0.7071, 0.7071, 0.0])
    assert cosines(both, index) == pytest.approx([1, 0.42426, 0], abs=2e-3)
    # Of the first two numbers, made unit vectors again.
    assert cosines(np.array([0.0, 0.8, 0.6]), index, 2) == pytest.approx([1, 1, 0], abs=2e-3)


@pytest.mark.parametrize(
    ("scores", "count", "rows"),
    [
        ([0.1, 0.9, 0.5], 2, [1, 2]),
        ([0.5, 0.5, 0.5, 0.5], 2, [0, 1]),
        ([np.nan, 0.2, np.nan], 5, [1]),
        ([0.1, 0.5, 0.5, 0.7], 2, [3, 1]),
    ],
)
def test_best_rows(scores, count, rows):
    assert best_rows(np.array(scores), count).tolist() == rows


def test_cosine_of_a_row_does_not_depend_on_its_neighbours():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(40, 384))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[3].astype(np.float32)

    def scope(count):
        one = revision(1, count, [])
        return Index(
            [
                IndexedRevision(
                    one.document_id, one.revision_id, one.path, one.passages, one.passage_ids,
                    MeaningVectors(*2 * [vectors[:count]]), one.load_text, one.load_tokens,
                )
            ]
        )  # fmt: skip

    whole = cosines(query, scope(40))
    for count in (1, 5, 17):
        assert cosines(query, scope(count)).tolist() == whole[:count].tolist()
