"""What a pack is to reach on the development sets, as figures from what was measured."""

import json
from collections.abc import Iterable

from engine.evaluate.evaluation import SPEARMAN, Group, SetResult
from engine.evaluate.figures import Figure
from engine.evaluate.ways import ATTENTION, BM25, DENSE, FUSED, LEXICAL
from engine.model.pack import MANIFEST, Pack

TRANSLATION = 0.985
SIMILARITY = 0.76
QUESTION_DENSE = 0.60
FUSED_GAIN = 0.06
HEADINGS = 0.70
PARAPHRASE_GAIN = 0.25
PACK_MEGABYTES = 25.0


def pack_figures(pack: Pack) -> list[Figure]:
    """Size of the pack."""
    manifest = json.loads((pack.folder / MANIFEST).read_text(encoding="utf-8"))
    size = sum(int(entry["bytes"]) for entry in manifest["files"].values())
    return [Figure("Pack, megabytes", size / 1e6, target=PACK_MEGABYTES, at_most=True)]


def parallel_figures(result: SetResult) -> list[Figure]:
    """Parallel sentences finding each other, English first in the set."""
    return [
        _figure(result.group(kind), f"{name} among {result.passages}", DENSE, "recall@1", target)
        for kind, name, target in (
            ("first_finds_second", "English finds Japanese", TRANSLATION),
            ("second_finds_first", "Japanese finds English", TRANSLATION),
        )
    ]


def similarity_figures(result: SetResult) -> list[Figure]:
    """Rank correlation with people's scores."""
    return [_figure(result.group(), "JSTS", DENSE, SPEARMAN, SIMILARITY)]


def jaquad_figures(result: SetResult) -> list[Figure]:
    """Japanese questions to passages, each encoded alone."""
    group, name = result.group(), f"JaQuAD, {result.passages} passages"
    return [
        _figure(group, name, DENSE, "recall@1", QUESTION_DENSE),
        *(_figure(group, name, way, "recall@1") for way in _short_widths(group)),
        _figure(group, name, ATTENTION, "recall@1"),
        _gain(group, name, ATTENTION, "recall@1", 0.0),
        _figure(group, name, FUSED, "recall@1"),
        _gain(group, name, FUSED, "recall@1", FUSED_GAIN),
        _figure(group, name, FUSED, "ndcg@10"),
    ]


def heading_figures(result: SetResult) -> list[Figure]:
    """Heading paths of one language to sections of the other."""
    names = {
        "headings_en_ja": "English heading to Japanese section without its heading",
        "sections_en_ja": "English heading to Japanese section below its heading",
        "paths_en_ja": "English heading to Japanese section below all its headings",
        "headings_ja_en": "Japanese heading to English section without its heading",
    }
    target = None if result.name == "headings_ja_en" else HEADINGS
    name, group = f"{names[result.name]}, {result.passages} sections", result.group()
    return [
        _figure(group, name, FUSED, "recall@1", target),
        *(_figure(group, name, way, "recall@1") for way in _short_widths(group)),
        _figure(group, name, FUSED, "ndcg@10"),
    ]


def whole_figures(result: SetResult) -> list[Figure]:
    """JaQuAD as the product meets it: the contexts of a title are one document."""
    group, name = result.group(), f"JaQuAD in whole documents, {result.passages} passages"
    return [
        _figure(group, name, FUSED, "recall@1"),
        _gain(group, name, FUSED, "recall@1", None),
        _figure(group, name, FUSED, "ndcg@10"),
    ]


def lesson_figures(result: SetResult) -> list[Figure]:
    """Held-out lessons, by how they are asked."""
    name = f"Held-out lessons, {result.passages} passages"
    return [
        _figure(group, f"{name}, {group.name}", FUSED, measure)
        for group in result.groups
        if group.name
        for measure in ("recall@1", "recall@5")
    ]


def english_figures(result: SetResult) -> list[Figure]:
    """English questions to passages."""
    names = {"qmsum": "QMSum", "fairytales": "FairytaleQA"}
    name = f"{names.get(result.name, result.name)}, {result.passages} passages"
    group = result.group()
    return [_figure(group, name, FUSED, measure) for measure in ("recall@1", "ndcg@10")]


def paraphrase_figures(result: SetResult) -> list[Figure]:
    """Questions about the sample documents whose words do not stand in the passage.

    The questions of split ``test`` judge where there are some, else all.
    """
    splits = {group.name: group for group in result.groups}
    judging = splits.get("test", result.group())
    name = f"Paraphrases, {result.passages} passages of whole documents"
    figures = [
        _figure(judging, name, FUSED, "recall@5"),
        _gain(judging, name, FUSED, "recall@5", PARAPHRASE_GAIN),
        _figure(judging, name, FUSED, "recall@1"),
    ]
    if "dev" in splits:
        figures.append(_figure(splits["dev"], f"{name} (dev)", FUSED, "recall@5"))
    return figures


def _short_widths(group: Group) -> list[str]:
    return [way for way in group.ways if way.startswith(f"{DENSE}@")]


def _figure(group: Group, name: str, way: str, measure: str, target: float | None = None) -> Figure:
    others = (BM25, LEXICAL, DENSE, ATTENTION, f"{BM25}+{ATTENTION}", FUSED)
    return Figure.of(
        f"{name}: {way}, {measure}",
        group.ways[way][measure],
        target=target,
        beside=_beside(group, measure, (other for other in others if other != way)),
    )


def _gain(group: Group, name: str, way: str, measure: str, target: float | None) -> Figure:
    return Figure.of(
        f"{name}: {way} less BM25, {measure}",
        group.gains[way][measure],
        target=target,
        beside=_beside(group, measure, (BM25, way)),
    )


def _beside(group: Group, measure: str, ways: Iterable[str]) -> dict[str, float]:
    return {way: group.ways[way][measure].mean for way in ways if way in group.ways}
