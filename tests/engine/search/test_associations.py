import pytest

from engine.notation.folding import fold
from engine.notation.stems import stem
from engine.records import PassageId
from engine.search.associations import (
    LISTED,
    MOST,
    Associations,
    EverydayWords,
    everyday_words,
)
from engine.search.lexical import MemoryPostings, passage_terms, rank
from engine.search.translation import Translator
from resources.terms import everyday_terms

TEXT = """
# How things sound
うるさ、やかまし = loud, noisy > 騒音、耳栓 = noise, earplugs
ガタガタ = noisy, shaky > 振動 = vibration
"""
LEARNED = {"ja": {"ja": {"うるさ": "騒音\t0.9\t防音\t0.16"}}, "en": {"en": {"loud": "nois\t0.64"}}}


def found(associations, word, language):
    return {one: (other, sure) for one, other, sure in associations.of(word, language)}


def test_a_listed_word_is_the_less_sure_the_further_down_and_the_more_lines_ask_with_it():
    everyday = EverydayWords(TEXT)
    assert everyday.told("やかまし", "ja") == {
        "ja": {"騒音": LISTED, "耳栓": pytest.approx(LISTED / 2**0.5)},
        "en": {"noise": LISTED, "earplugs": pytest.approx(LISTED / 2**0.5)},
    }
    assert everyday.told(stem("noisy"), "en")["ja"] == {
        "騒音": LISTED / 2,
        "耳栓": pytest.approx(LISTED / 2 / 2**0.5),
        "振動": LISTED / 2,
    }
    assert everyday.known("うるさ", "ja") and not everyday.known("うるさ", "en")


def test_learned_and_listed_words_are_joined_likeliest_first():
    surfaces = {"nois": "noise\tnoises"}
    associations = Associations(LEARNED, EverydayWords(TEXT), surfaces)
    assert found(associations, "うるさ", "ja") == {
        "騒音": ("ja", 0.9),
        "防音": ("ja", 0.16),
        "耳栓": ("ja", pytest.approx(LISTED / 2**0.5)),
        "noise\tnoises": ("en", LISTED),
        "earplugs": ("en", pytest.approx(LISTED / 2**0.5)),
    }
    japanese = [sure for _, other, sure in associations.of("うるさ", "ja") if other == "ja"]
    assert japanese == sorted(japanese, reverse=True)
    assert found(associations, "loud", "en")["noise\tnoises"] == ("en", 0.64)
    assert associations.known("loud", "en") and not associations.known("quiet", "en")


def test_a_word_has_so_many_associations_at_most():
    words = "、".join(f"語{chr(0x4E00 + number)}" for number in range(MOST + 9))
    associations = Associations(None, EverydayWords(f"変 = odd > {words} = fault"))
    assert sum(other == "ja" for _, other, _ in associations.of("変", "ja")) == MOST


@pytest.mark.parametrize(
    "line", ["うるさ = loud", "うるさ = loud > 騒音", "うるさ > 騒音 = noise", "a = b > c = d = e"]
)
def test_a_line_that_is_written_otherwise_is_named(line):
    with pytest.raises(ValueError, match="line 2"):
        EverydayWords(f"# title\n{line}")


def test_everyday_words_find_what_they_lead_to():
    texts = {
        1: "騒音は八五デシベル以下とする。",
        2: "Wear earplugs.",
        3: "塗装は二回行う。",
        4: "振動",
    }
    postings = MemoryPostings(
        {PassageId(number): passage_terms(text, ()) for number, text in texts.items()}
    )
    translator = Translator(None, None, EverydayWords(TEXT))
    for query, numbers in (
        ("やかましいときは", [1, 2]),
        ("Why so loud?", [1, 2]),
        ("ガタガタ", [4]),
    ):
        assert sorted(int(hit.passage_id) for hit in rank(translator.terms(query), postings)) == (
            numbers
        )


def test_the_shipped_list_leads_from_everyday_words_to_others():
    shipped, count = everyday_words(), 0
    for line in everyday_terms().splitlines():
        if not line or line.startswith("#"):
            continue
        count += 1
        asked, told = (
            [
                [fold(word).text.strip() for word in words.split(mark)]
                for words, mark in zip(side.split("="), "、,", strict=True)
            ]
            for side in line.split(">")
        )
        assert all(all(words) and len(set(words)) == len(words) for words in (*asked, *told)), line
        assert all(word.isascii() and word.isalpha() for word in (*asked[1], *told[1])), line
        assert not any(word in other for word in asked[0] for other in told[0]), line
        assert not {stem(word) for word in asked[1]} & {stem(word) for word in told[1]}, line
        assert all(shipped.known(word, "ja") for word in asked[0]), line
    assert count > 3500
    assert "騒音" in shipped.told("うるさ", "ja")["ja"]
