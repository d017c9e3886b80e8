"""Queries made out of a passage's own words, where nobody has asked a question."""

import random
import re

_SENTENCE = re.compile(r"[^。!?！？\n]+[。!?！？]?")
# Words: runs of one script; hiragana runs are mostly grammar.
_PIECE = re.compile(r"[一-龯々〆]+|[ァ-ヴー]+|[A-Za-z][A-Za-z0-9_.+-]*|[0-9][0-9.,]*|[ぁ-ゖ]+")
_ENDS_JA = (
    "",
    "",
    "は何ですか。",
    "について",
    "とは",
    "はいつですか。",
    "はどこですか。",
    "の方法",
    "は誰か。",
)
_STARTS_EN = ("", "", "how to ", "what is ", "when ", "which ", "why ")
_SHORTEST_SENTENCE = 12


def pseudo_query(text: str, japanese: bool, chosen: random.Random) -> str | None:
    """A query of some words of one sentence of ``text``; None if no sentence has enough words.

    Source:
        Lee et al. 2019 (ORQA), section 5 (inverse cloze task), with words left out at random so
        that the query does not repeat the passage.
    """
    sentences = [part for part in _SENTENCE.findall(text) if len(part) >= _SHORTEST_SENTENCE]
    if not sentences:
        return None
    pieces = _PIECE.findall(chosen.choice(sentences))
    content = [at for at, piece in enumerate(pieces) if not "ぁ" <= piece[0] <= "ゖ"]
    if len(content) < 3:
        return None
    most = 6 if japanese else 10
    start = chosen.randrange(max(1, len(content) - most + 1))
    window = content[start : start + most]
    kept = sorted(chosen.sample(window, max(2, round(len(window) * chosen.uniform(0.4, 0.9)))))
    if not japanese:
        return chosen.choice(_STARTS_EN) + " ".join(pieces[at] for at in kept)
    words = []
    for at in kept:
        words.append(pieces[at])
        follows = pieces[at + 1] if at + 1 < len(pieces) else ""
        if follows and "ぁ" <= follows[0] <= "ゖ" and len(follows) <= 3:
            words.append(follows)
    return "".join(words) + chosen.choice(_ENDS_JA)
