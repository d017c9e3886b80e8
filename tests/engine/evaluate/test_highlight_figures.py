from dataclasses import replace

import numpy as np
import pytest

from engine.evaluate.fit_highlights import Example, example, fit, judge, rivals
from engine.evaluate.highlights import cases
from engine.evaluate.marks import overlap_f1
from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.models import default_pack
from engine.search.phrases import Phrase
from engine.training.corpus import Question


def test_f1_of_marked_characters():
    assert overlap_f1([(0, 4)], [(2, 6)], 10) == pytest.approx(0.5)
    assert overlap_f1([(0, 4), (2, 6)], [(2, 6)], 10) == pytest.approx(0.8)
    assert overlap_f1([(0, 2)], [(8, 10), (0, 2)], 10) == 1.0
    assert overlap_f1([], [(0, 2)], 10) == 0.0


def examples(count, seed):
    """The answer is the phrase that is near and no echo."""
    generator = np.random.default_rng(seed)
    made = []
    for number in range(count):
        found = tuple(Phrase(4 * at, 4 * at + 4, "kanji") for at in range(6))
        near, echo = generator.random(6), generator.integers(0, 2, 6).astype(float)
        best = int(np.argmax(near - 2 * echo))
        rows = tuple({"near": float(a), "echo": float(b)} for a, b in zip(near, echo, strict=True))
        quality = np.zeros(6)
        quality[best] = 1.0
        made.append(
            Example(f"t{number % 5}", 24, found, rows, quality, ((4 * best, 4 * best + 4),))
        )
    return made


def test_fit_across_passages_learns_what_tells_them_apart():
    told = [
        replace(
            one,
            # In the passage that answers everything stands near a word of the question.
            rows=tuple({**row, "word": 1.0} for row in one.rows),
            rivals=tuple({**row, "word": 0.0} for row in other.rows),
        )
        for one, other in zip(examples(100, 1), examples(100, 3), strict=True)
    ]
    across, within = fit(told, across=True), fit(told)
    assert across["word"] > 1.0 and "word" not in within
    assert across["near"] > 0 > across["echo"]


def test_rivals_are_other_passages_of_the_document_that_do_not_hold_the_answer():
    begun = [
        "カバーの締付トルクは12.5 N·mとする。対角の順に二回に分けて締め付ける。",
        "ベースの締付トルクは25 N·mとする。締め付けたボルトには合いマークを付ける。",
        "カバーの締付トルクは、以前の版でも12.5 N·mであった。",
    ]
    texts = [text + "この作業は有資格者が行い、結果を記録に残すこと。" * 12 for text in begun]
    asked = [
        Question("カバーの締付トルクはいくらですか", texts[0], "12.5 N·m", "手順"),
        Question("合いマークは何に付けるか", texts[1], "ボルト", "手順"),
        Question("以前の版ではいくらか", texts[2], "以前の版", "手順"),
    ]
    case = next(cases(asked, Encoder.load(load_pack(default_pack()))))
    assert case.text.startswith(begun[0][:20])
    found = [case.index.passage_text(row) for row in rivals(case)]
    assert any(begun[1][:20] in text for text in found)
    assert not any("12.5 N·m" in text for text in found)
    made, alone = example(case, across=True), example(case)
    assert made is not None and made.rivals and len(made.rows) == len(made.quality)
    assert alone is not None and not alone.rivals and alone.rows == made.rows


def test_fit_finds_what_answers():
    weights = fit(examples(200, 1))
    assert weights["near"] > 0 > weights["echo"]
    unseen = examples(100, 2)
    assert np.mean(judge(unseen, weights, 0.7)) > 0.75
    assert np.mean(judge(unseen, {"near": -1.0}, 0.7)) < 0.2
