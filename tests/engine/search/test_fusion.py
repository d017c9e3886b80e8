from typing import Any

import numpy as np
import pytest

from engine.search.fusion import (
    DEFAULT_WEIGHTS,
    VERSION,
    Calibration,
    calibrated,
    fuse,
    guessed,
    sigmoid,
)
from engine.search.fusion_features import PARTS, RawParts
from engine.search.query import QueryShape

NAN = float("nan")


def raw(lexical, dense, attention, associated=None, exact=None, answer=None):
    count = len(lexical)
    return RawParts(
        np.array(lexical, float),
        np.zeros(count) if associated is None else np.array(associated, float),
        np.zeros(count) if exact is None else np.array(exact, float),
        np.array(dense, float),
        np.array(attention, float),
        np.full(count, NAN) if answer is None else np.array(answer, float),
    )


def fused(parts, short=0.0, foreign=None, calibration=None):
    count = len(parts.lexical)
    away = np.zeros(count, bool) if foreign is None else np.array(foreign)
    return fuse(
        parts,
        calibration or Calibration(),
        kind=QueryShape(True, False, short, short),
        foreign=away,
    )


FITTED: dict[str, Any] = {
    "version": VERSION,
    "curves": {"dense": {"slope": 2.0, "offset": -1.0}},
    "weights": {
        "lexical+dense": {
            "lexical": 2.0,
            "associated": 6.0,
            "dense": 4.0,
            "exact": -5.0,
            "foreign_dense": 8.0,
            "doubted_dense": 8.0,
            "latin_lexical": 3.0,
            "latin_dense": 1.0,
            "foreign": -1.0,
            "slope": 0.5,
            "relative": 0.25,
            "bias": -1.0,
        }
    },
}


def chance(strength, best):
    return 1 / (1 + np.exp(-(0.5 * strength + 0.25 * (strength - best) - 1.0)))


def test_fused_by_hand():
    scores = fused(raw([0.6, 0.0], [0.25, 0.5], [NAN] * 2), calibration=Calibration.read(FITTED))
    assert scores == pytest.approx([chance(2.2, 2.2), chance(2.0, 2.2)])


def test_share_of_the_strongest_by_hand():
    weights = {"dense": 4.0, "share": 0.5, "slope": 0.25, "relative": 0.125, "bias": -1.0}
    section = {"version": VERSION, "weights": {"dense": weights}}
    dense = np.array([0.75, 0.5, 0.25])
    scores = fused(raw([NAN] * 3, dense, [NAN] * 3), calibration=Calibration.read(section))
    odds = [np.e**3 / (np.e**2 + np.e), np.e**2 / (np.e**3 + np.e), np.e / (np.e**3 + np.e**2)]
    logits = 0.5 * np.log(odds) + 0.25 * np.array([3, 2, 1]) - 0.125 * np.array([0, 1, 2]) - 1.0
    assert scores == pytest.approx(sigmoid(logits))
    # One alone counts as 6 log-odds, and so do no more than these.
    for dense in ([0.75], [10.0, 0.75]):
        alone = fused(
            raw([NAN] * len(dense), dense, [NAN] * len(dense)),
            calibration=Calibration.read(section),
        )
        assert alone[0] == pytest.approx(sigmoid(np.array(3.0 + dense[0] - 1.0)))


def test_associations_count_apart_where_words_and_meaning_do():
    calibration = Calibration.read(FITTED)
    words = [0.6, 0.0]
    scores = fused(raw(words, [0.25, 0.5], [NAN] * 2, [0.0, 0.3]), calibration=calibration)
    assert scores == pytest.approx([chance(2.2, 3.8), chance(3.8, 3.8)])
    parts = raw(words, [0.25, 0.5], [NAN] * 2, [0.0, 0.3])
    for away, added in (([False, False], [False, True]), ([False, True], [False, False])):
        kind = QueryShape(True, False, 0.0)
        found = guessed(parts, calibration, kind=kind, foreign=np.array(away))
        # FITTED gives associations in foreign passages no weight.
        assert found.tolist() == added
    # No more than a question of words alone do meaning and attention alone ask for them.
    for dense, attention in (([NAN] * 2, [0.25, 0.5]), ([NAN] * 2, [NAN] * 2)):
        plain = fused(raw(words, dense, attention), calibration=calibration)
        with_guesses = fused(raw(words, dense, attention, [0.0, 0.3]), calibration=calibration)
        assert with_guesses.tolist() == plain.tolist()


@pytest.mark.parametrize(
    ("words", "foreign", "shares"),
    [
        ([0.5, 0.0, 0.3], [False, False, False], [1.0, 1.0, 1.0]),
        # Nobody's own words keep its associations from counting.
        ([0.9, 0.0, 0.3], [False, False, False], [1.0, 0.0, 0.0]),
        ([0.9, 0.75, 0.3], [False, False, False], [0.25, 0.0, 0.0]),
        ([0.9, 0.9, 0.3], [False, False, False], [0.0, 0.0, 0.0]),
        # Words found in the other language are translations.
        ([0.9, 0.7, 0.3], [True, False, False], [0.0, 1.0, 0.5]),
    ],
)
def test_associations_count_as_far_as_the_words_themselves_are_not_found(words, foreign, shares):
    scores = fused(
        raw(words, [0.25] * 3, [NAN] * 3, [0.3] * 3),
        calibration=Calibration.read(FITTED),
        foreign=foreign,
    )
    found = [
        8.0 * 0.25 - 1.0 if away else 2.0 * word + 4.0 * 0.25 + 6.0 * 0.3 * share
        for word, away, share in zip(words, foreign, shares, strict=True)
    ]
    assert scores == pytest.approx([chance(one, max(found)) for one in found])


@pytest.mark.parametrize(
    ("words", "foreign", "counted"),
    [
        # What nothing is known of is not held against a passage.
        ([0.9, 0.9, 0.9, 0.9], [False] * 4, [0.0, -0.8, -0.2, 0.0]),
        # Without the question's words its answer says nothing.
        ([0.5, 0.6, 0.4, 0.3], [False] * 4, [0.0] * 4),
        ([0.7, 0.7, 0.4, 0.3], [False] * 4, [0.0, -0.4, -0.1, 0.0]),
        ([0.9, 0.9, 0.9, 0.9], [False, True, False, True], [0.0, 0.0, -0.2, 0.0]),
    ],
)
def test_answers_count_where_the_words_are_found(words, foreign, counted):
    weights = {"lexical": 1.0, "foreign_lexical": 1.0, "answer": 3.0, "slope": 0.5}
    section = {"version": VERSION, "weights": {"lexical+attention": weights}}
    answer = [0.5, 0.1, 0.4, NAN]
    answer = [NAN if away else value for value, away in zip(answer, foreign, strict=True)]
    scores = fused(
        raw(words, [NAN] * 4, [0.5] * 4, answer=answer),
        calibration=Calibration.read(section),
        foreign=foreign,
    )
    strengths = np.array(words) + 3.0 * np.array(counted)
    assert scores == pytest.approx(sigmoid(0.5 * strengths))


def test_attention_counts_by_the_log_of_what_it_misses():
    section = {"version": VERSION, "weights": {"attention": {"attention": 2.0, "slope": 1.0}}}
    scores = fused(
        raw([NAN] * 3, [NAN] * 3, [0.93, 0.83, 1.0]), calibration=Calibration.read(section)
    )
    # Odds are what is missed, and 0.03 that always is, to the power of minus 2.
    assert scores / (1 - scores) == pytest.approx([0.1**-2, 0.2**-2, 0.03**-2])


def test_attention_of_latin_questions_to_latin_passages_counts_as_it_is():
    weights = {"latin_attention": 2.0, "foreign_attention": 2.0, "slope": 1.0}
    calibration = Calibration.read({"version": VERSION, "weights": {"attention": weights}})
    scores = fuse(
        raw([NAN] * 2, [NAN] * 2, [0.93, 0.93]),
        calibration,
        kind=QueryShape(False, True, 0.0),
        foreign=np.array([False, True]),
    )
    assert scores == pytest.approx([1.0 / (1.0 + np.exp(-2.0 * 0.93)), 1.0 / (1.0 + 0.1**2)])


def test_foreign_by_hand():
    scores = fused(
        raw([0.6, 0.0], [0.25, 0.5], [NAN] * 2),
        calibration=Calibration.read(FITTED),
        foreign=[False, True],
    )
    assert scores == pytest.approx([chance(2.2, 3.0), chance(3.0, 3.0)])


def test_foreign_passages_whose_words_nobody_translated_have_weights_of_their_own():
    weights = FITTED["weights"]["lexical+dense"] | {"foreign_lexical": 2.0, "doubted_dense": 16.0}
    calibration = Calibration.read(FITTED | {"weights": {"lexical+dense": weights}})
    for best, doubted in ((0.3, 1.0), (0.45, 0.75), (0.8, 0.0)):
        scores = fused(
            raw([best, 0.0], [0.25, 0.5], [NAN] * 2), calibration=calibration, foreign=[True, True]
        )
        sure = 1.0 - doubted
        first = sure * (2.0 * best + 8.0 * 0.25) + doubted * 16.0 * 0.25 - 1.0
        second = sure * 8.0 * 0.5 + doubted * 16.0 * 0.5 - 1.0
        top = max(first, second)
        assert scores == pytest.approx([chance(first, top), chance(second, top)])


@pytest.mark.parametrize(
    ("kind", "best"),
    [
        (QueryShape(False, True, 0.0), 0.6 * 3.0 + 0.25),
        # Part numbers alone, and words of both languages.
        (QueryShape(False, False, 0.0), 0.6 * 2.0 + 0.25 * 4.0),
        (QueryShape(True, True, 0.0), 0.6 * 2.0 + 0.25 * 4.0),
    ],
)
def test_latin_questions_have_weights_of_their_own(kind, best):
    parts, calibration = raw([0.6, 0.0], [0.25, 0.5], [NAN] * 2), Calibration.read(FITTED)
    scores = fuse(parts, calibration, kind=kind, foreign=np.array([False, True]))
    # The foreign passage gets 0.5 * 8 and, of a Japanese question alone, an offset.
    away = 4.0 - (not kind.latin)
    top = max(best, away)
    assert scores == pytest.approx([chance(best, top), chance(away, top)])


def test_offset_of_foreign_passages_goes_by_the_language_of_the_question():
    section = {
        "version": VERSION,
        "weights": {"dense": {"foreign": -1, "foreign_latin": 2, "slope": 1}},
    }
    parts, foreign = raw([NAN], [0.5], [NAN]), np.ones(1, bool)
    calibration = Calibration.read(section)
    for kind, logit in [(QueryShape(True, False, 0.0), -1), (QueryShape(False, True, 0.0), 2)]:
        score = fuse(parts, calibration, kind=kind, foreign=foreign)
        assert score == pytest.approx([1 / (1 + np.exp(-logit))])


def test_curve_by_hand_and_absent_part():
    curves = calibrated(raw([0.0], [0.5], [NAN]), Calibration.read(FITTED))
    assert curves["dense"][0] == pytest.approx(0.5)
    assert curves["lexical"][0] == 0.0
    assert np.isnan(curves["attention"][0])


def test_negative_weight_of_a_pack_is_not_believed():
    weights = Calibration.read(FITTED).weights_of(("lexical", "dense"))
    assert weights["exact"] == 0.0
    assert weights["bias"] == -1.0


@pytest.mark.parametrize("section", [{}, {"version": 99, "weights": {"lexical": {"bias": 9}}}])
def test_unknown_section_means_defaults(section):
    assert Calibration.read(section).weights_of(PARTS) == DEFAULT_WEIGHTS


@pytest.mark.parametrize("present", range(1, 8))
@pytest.mark.parametrize("calibration", [Calibration(), Calibration.read(FITTED)])
def test_monotone_in_each_part_whatever_else_is_missing(present, calibration):
    generator = np.random.default_rng(present)
    names = [name for bit, name in enumerate(PARTS) if present >> bit & 1]
    for _ in range(50):
        base = {name: generator.random(5) if name in names else np.full(5, NAN) for name in PARTS}
        exact, associated = generator.random((2, 5))
        answer = np.where(generator.random(5) < 0.5, NAN, generator.random(5))
        foreign = generator.random(5) < 0.3
        japanese, latin = generator.random(2) < 0.5
        kind = QueryShape(bool(japanese), bool(latin), float(generator.random()))
        before = fuse(
            RawParts(exact=exact, associated=associated, answer=answer, **base),
            calibration,
            kind=kind,
            foreign=foreign,
        )
        assert ((before >= 0) & (before <= 1)).all()
        for name in names:
            at = int(generator.integers(5))
            raised = dict(base)
            raised[name] = base[name].copy()
            raised[name][at] += generator.random()
            after = fuse(
                RawParts(exact=exact, associated=associated, answer=answer, **raised),
                calibration,
                kind=kind,
                foreign=foreign,
            )
            assert after[at] >= before[at] - 1e-12


def test_no_parts_no_score():
    assert fused(raw([NAN], [NAN], [NAN])) == pytest.approx([0.0])


def test_missing_part_is_not_a_part_of_zero():
    missing = fused(raw([0.5], [0.6], [NAN]), calibration=Calibration.read(FITTED))
    weak = fused(raw([0.5], [0.6], [0.0]), calibration=Calibration.read(FITTED))
    assert missing[0] != weak[0]


def test_passage_in_another_language_is_not_punished_for_having_no_word():
    parts = raw([0.3, 0.0], [0.2, 0.6], [0.3, 0.7])
    home = fused(parts)
    away = fused(parts, foreign=[False, True])
    assert away[1] > home[1]
    assert away[1] > away[0]


def test_bare_word_leans_on_where_it_stands():
    parts = raw([0.5, 0.45], [0.1, 0.6], [0.3, 0.6], exact=[1, 0])
    assert fused(parts)[0] < fused(parts)[1]
    bare = fused(parts, short=1.0)
    assert bare[0] > bare[1]


def test_passage_that_is_set_back_loses_to_an_equal_one():
    parts = raw([0.6, 0.6], [0.4, 0.4], [0.6, 0.6])
    scores = fuse(
        parts,
        Calibration(),
        kind=QueryShape(True, False, 0.0),
        foreign=np.zeros(2, bool),
        setback=np.array([1.5, 0.0]),
    )
    assert scores[0] < scores[1]


def test_sigmoid_does_not_overflow():
    assert sigmoid(np.array([-1e9, 0.0, 1e9])) == pytest.approx([0, 0.5, 1])
