import pytest

from engine.notation.stems import stem


@pytest.mark.parametrize(
    ("forms", "expected"),
    [
        (("spring", "springs"), "spring"),
        (("drop", "drops", "dropped", "dropping"), "drop"),
        (("double", "doubles", "doubled", "doubling"), "doubl"),
        (("supply", "supplies", "supplied", "supplying"), "supply"),
        (("wash", "washed", "washing"), "wash"),
    ],
)
def test_the_forms_of_a_word_share_a_stem(forms, expected):
    assert {stem(form) for form in forms} == {expected}


@pytest.mark.parametrize("word", ["gas", "bus", "this", "string", "need", "hv2041", "é", "o"])
def test_words_that_only_look_inflected_stay(word):
    assert stem(word) == word


def test_status_and_class_keep_their_s():
    assert (stem("status"), stem("class"), stem("classes")) == ("status", "class", "class")
