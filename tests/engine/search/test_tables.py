import numpy as np
import pytest

from engine.search.index import Index
from engine.search.tables import MARGIN, rows_by_words
from tests.engine.search.conftest import Part

ROWS = ["記号: J1\t色: 白", "記号: J5\t色: 黒", "記号: J8\t色: 青"]
NAN = float("nan")


def table(scope_of, headings=("2 コネクタ",)):
    parts = [*(Part(text, headings, "row") for text in ROWS), "コネクタの色は別表による。"]
    return Index(scope_of(parts).revisions)


@pytest.mark.parametrize(
    ("lexical", "scores", "changed"),
    [
        # The second holds most of the words: it goes first, the others keep their order.
        ([0.5, 0.7, 0.5, 0.6], [0.2, 0.1, 0.3, 0.25], [0.1, 0.3, 0.2, 0.25]),
        # It is first already.
        ([0.5, 0.7, 0.5, 0.6], [0.2, 0.3, 0.1, 0.9], [0.2, 0.3, 0.1, 0.9]),
        # Hardly more than another, or hardly anything.
        ([0.5, 0.5 + MARGIN / 2, 0.5, 0.6], [0.2, 0.1, 0.3, 0.25], [0.2, 0.1, 0.3, 0.25]),
        ([0.1, 0.3, 0.1, 0.6], [0.2, 0.1, 0.3, 0.25], [0.2, 0.1, 0.3, 0.25]),
        # In another language words say nothing.
        ([NAN, NAN, NAN, 0.6], [0.2, 0.1, 0.3, 0.25], [0.2, 0.1, 0.3, 0.25]),
    ],
)
def test_row_that_holds_most_of_the_words_is_meant(scope_of, lexical, scores, changed):
    found = rows_by_words(table(scope_of), np.arange(4), np.array(lexical), np.array(scores))
    assert found.tolist() == changed


def test_rows_of_different_tables_are_not_compared(scope_of):
    parts = [Part(text, (f"{number} 表",), "row") for number, text in enumerate(ROWS)]
    index = Index(scope_of(parts).revisions)
    scores = np.array([0.3, 0.1, 0.2])
    found = rows_by_words(index, np.arange(3), np.array([0.5, 0.9, 0.5]), scores)
    assert found.tolist() == scores.tolist()


def test_code_of_a_row_decides_between_rows_that_mean_the_same(scope_of):
    scope = scope_of([Part(f"{text}\t締付: 回転力", (), "row") for text in ROWS])
    for code in ("J1", "J5", "J8"):
        best = scope.search(f"{code}の締付トルクと色").passages[0]
        assert code in best.text
