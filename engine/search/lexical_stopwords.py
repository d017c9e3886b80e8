"""Words that carry no content in a question."""

import re

_ENGLISH = """
a an and any are as at be by can could did do does for from had has have how i if in
into is it its may me my of on or our out please shall should show so tell than that the
their them then there these they this to us was we were what when where which who whom
whose why will with would you your
"""
ENGLISH_STOPWORDS = frozenset(_ENGLISH.split())

# Particles, endings, light verbs, pronouns and question words, as they stand in hiragana.
_FUNCTION_WORDS = """
です ですか でしょう でしょうか ます ますか ました ましたか ません ませんか まして する した
して される された されて せる させる している しています すれば するとき するには せよ しろ
します しますか しない しなければ ならない なりません いけない ください くださいませ おしえて
しりたい なに なん なぜ どう どうして どうやって どうすれば どうすると どの どこ どこに どれ
どれくらい どのくらい どのような どのように どんな どちら いつ いくつ いくら だれ ある あります
ありますか いる います いますか おり おります こと もの とき ため ので のに から まで より など
とは という といった といえば において における について に関して に対する によって による
として ついて および または もしくは かつ ならびに その この これ それ あの ここ そこ れば たら
なら べき ない いい よい よろしい ほしい たい できる できた できます できますか なる なります
なった なっている だった では でも には にも への からの までの での との とも かも だけ ほど
くらい ぐらい ごと よう ように ような そう られる れる られた れた られて れて てい ている
ていた ています てある とる いう いって いった あれば は が を に の で と も へ や か ね よ な
だ し て た ば ず
"""
_FUNCTIONS = frozenset(_FUNCTION_WORDS.split())
_LONGEST = max(map(len, _FUNCTIONS))
_LEADING = re.compile(
    r"(?:からの|までの|での|との|への|では|には|とは|[はがをにのでともへや])(?=..)"
)
_HIRAGANA_STRETCH = re.compile("[ぁ-ゖ]+")
_KANJI_FUNCTION = re.compile(
    "何|教え(?:て|る)|下さい|知りた[いく]|(?:に)?(?:関|対)(?:する|して|し)|行(?:う|い|っ|わ)|於"
    "|有(?:る|り)|為|其|此|又は|及び|並びに|若しくは|出来(?:る|ます)|場合|誰|何処|何時"
)


def function_mask(run: str) -> list[bool]:
    """Which characters of a folded CJK run belong to function words.

    A stretch of hiragana that is made of function words from end to end is one; of any other, a
    particle at the start (after content) and an ending at the end are taken off, and at least two
    characters are left, so that ``はめあいは`` keeps はめあい.
    """
    mask = [False] * len(run)

    def set_mask(start: int, end: int) -> None:
        mask[start:end] = [True] * (end - start)

    for match in _KANJI_FUNCTION.finditer(run):
        set_mask(*match.span())
    for match in _HIRAGANA_STRETCH.finditer(run):
        start, end = match.span()
        stretch = match.group()
        tails = _function_tails(stretch)
        if tails[0]:
            set_mask(start, end)
            continue
        if start > 0 and (leading := _LEADING.match(stretch)):
            set_mask(start, start + leading.end())
            start += leading.end()
        keep = 1 if match.start() > 0 else 2
        for tail in range(start + keep, end):
            if tails[tail - match.start()]:
                set_mask(tail, end)
                break
    return mask


def _function_tails(stretch: str) -> list[bool]:
    """For each place, whether the rest of the stretch is function words from end to end."""
    size = len(stretch)
    tails = [False] * size + [True]
    for place in reversed(range(size)):
        tails[place] = any(
            tails[stop] and stretch[place:stop] in _FUNCTIONS
            for stop in range(place + 1, min(place + _LONGEST, size) + 1)
        )
    return tails
