import pytest

from engine.records import Passage
from engine.summary.terms import pieces, subject_shares, subject_weights, term_weights


def passage(number, path):
    return Passage(number, 0, 1, "text", path, ())


def test_pieces_are_words_and_pairs():
    assert pieces("締付トルクをCheck the torques") == {
        "締付",
        "付ト",
        "トル",
        "ルク",
        "check",
        "torque",
    }


def test_terms_stand_in_two_passages():
    held = [pieces("油圧の点検"), pieces("油圧の記録"), pieces("油圧")]
    assert term_weights(held) == {"油圧": 3.0}
    assert term_weights(held[:1]) == {"油圧": 1.0, "点検": 1.0}
    assert term_weights([]) == {}


def test_title_counts_more_than_a_heading_below_it():
    passages = [passage(0, ("油圧", "点検")), passage(1, ("油圧", "記録"))]
    weights = subject_weights(passages)
    assert weights == {"油圧": 1.0, "点検": 0.5, "記録": 0.5}
    shares = subject_shares([pieces("油圧"), pieces("点検"), pieces("塗装")], weights)
    assert shares.tolist() == pytest.approx([0.5, 0.25, 0.0])
