"""The model card that travels with a pack."""

from collections.abc import Mapping
from typing import Any

SOURCES = (
    ("Japanese and English documentation of Microsoft products (MicrosoftDocs, dotnet, OfficeDev "
     "and copies of them): Dynamics 365, Project Operations, BizTalk, .NET, Skype for Business, "
     "security and compliance, Office development, Microsoft Graph, C++, SQL, Visual Studio, "
     "ASP.NET Core, Windows drivers", "CC BY 4.0"),
    ("Python documentation, python/python-docs-ja", "PSF License Version 2"),
    ("PHP manual, php/doc-ja and php/doc-en", "CC BY 3.0 or later"),
    ("KiCad documentation, KiCad/kicad-doc", "CC BY 3.0 or later"),
    ("Tanaka Corpus, odashi/small_parallel_enja", "public domain; edited CC BY 2.0 FR"),
    ("JaQuAD, SkelterLabsInc/JaQuAD, train split", "CC BY-SA 3.0"),
    ("FairytaleQA, uci-soe/FairytaleQAData, train split", "Apache 2.0"),
    ("QMSum, Yale-LILY/QMSum, train split", "MIT"),
    ("JSTS of JGLUE, yahoojapan/JGLUE, train split", "CC BY-SA 4.0"),
    ("Lessons: passages of invented factory documents with questions, written for this program "
     "(`resources/lessons`)", "AGPL-3.0-or-later"),
    ("Teacher of the distillation: sentence-transformers/all-MiniLM-L6-v2", "Apache 2.0"),
)  # fmt: skip


_LEXICON = """
## Lexicon

`lexicon.json` holds English words and Japanese units that translate each other, with
probabilities, learned by IBM Model 1 in both directions from the human-translated pairs of the
Microsoft documentation, the Python documentation, the PHP manual, the KiCad documentation, the
Tanaka Corpus and the lessons; and, learned alike from the lessons' questions in other words, words
that stand in the answer where a word stands in the question, within each language and across. It
contains single words, no sentences. Its words are known as well as those sources use them: everyday
and software words better than those of a workshop.
"""


def model_card(manifest: Mapping[str, Any], figures: str = "", lexicon: bool = False) -> str:
    """Text of ``MODEL_CARD.md`` for a manifest.

    Args:
        manifest: The manifest.
        figures: Markdown table of what was measured; empty if nothing was.
        lexicon: Whether the pack has a lexicon.
    """
    least, most = manifest["k_min"], manifest["k_max"]
    selected = f"{least}" if least == most else f"{least} to {most}"
    texts = manifest.get("calibration_texts")
    rounded = f"calibrated on {texts} texts" if texts else "rounded to the nearest"
    sources = "\n".join(f"| {name} | {licence} |" for name, licence in SOURCES)
    return f"""# {manifest["name"]} {manifest["revision"]}

A bilingual (Japanese and English) encoder for documents, with block-sparse attention.
Licence of the weights: {manifest["licence"]}. Written {manifest["created"]}.

## What it is

{manifest["layers"]} pre-norm transformer layers of width {manifest["width"]}, {manifest["heads"]}
heads, feed-forward width {manifest["feed_forward"]}, rotary positions, {manifest["vocabulary"]}
tokens. Each block of {manifest["block"]} tokens reads its own block, {manifest["near"]} neighbour
on each side, {manifest["global_blocks"]} leading block and {selected} blocks
chosen by content. Constant biases of queries and keys give each head a
window by distance, so that most attention is local at any length. It gives a vector of
{manifest["passage_width"]} numbers per sentence and passage (its first
{" or ".join(map(str, manifest["passage_widths"]))} serve alone) and of
{manifest["token_width"]} per token; of a question's tokens also how much each counts and where it
looks for the answer.
Weights are int8, {rounded}; the heads are float16.

## How it was trained

Sentence vectors of a teacher on both languages of translated pairs; then questions and headings to
their passages with hard negatives, token-level late interaction, pointing to marked answers, and
judged sentence pairs; then whole documents, where sparse attention learns from its dense twin; then
lessons, passages of invented factory documents that are asked for in their words and in others. All
stages, their settings and their losses stand in `engine/training` of the program's repository.

## What it is for

Finding and summarising passages in technical and office documents, offline. It places text near
text of like meaning; it does not write, reason or translate. What it attends to is evidence of
where it looked, not a reason.

## Limits

Trained mostly on software documentation and, for the language of factories, on some 2,800 invented
passages; other fields, dialects, handwriting and old Japanese are less certain. Negation, numbers
and units are told apart poorly by meaning alone, which is why the program searches exact words as
well. Blocks chosen by content have been of no measurable use for finding so far: with neighbours
alone passages are found as well (rows "sparse less near" below). Biases of the sources are in it.

## Figures

{figures or "Not measured yet."}

Measured by `python -m engine.evaluate.report` on the seeded development split of the corpus, except
for the lessons, one in ten of which is held out, and the paraphrases, which are about the program's
sample documents. Held-out lessons have neighbours on the same subject among those that taught.
Lessons, sample documents and paraphrases are invented alike, though nobody who wrote lessons saw
the others. Some of the held-out documents' sentences, where other documents repeat them, were
among the translated pairs.

## Data

Trained from random weights on these sources; no text of theirs is contained in the pack beyond
the pieces of the vocabulary{" and the words of the lexicon" if lexicon else ""}.

| Source | Licence |
|---|---|
{sources}
{_LEXICON if lexicon else ""}"""
