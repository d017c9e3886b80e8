import json
import random

import numpy as np
import pytest

from engine.evaluate import variants
from engine.evaluate.joined_documents import LongDocument, long_documents
from engine.evaluate.long_documents import (
    NEAR,
    SPARSE,
    TWIN,
    measure,
    ways,
)
from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.models import default_pack
from engine.progress import CancelToken, run
from engine.training.corpus import Question, Section
from engine.training.splits import Split

PARTS = ["ポンプ", "弁", "軸受", "配管", "モーター", "治具", "図面", "ボルト"]


def split_of(contexts: int) -> Split:
    chosen = random.Random(2)
    questions, documents = [], []
    for number in range(contexts):
        lines = [
            f"{chosen.choice(PARTS)}{number}は{chosen.randrange(1000)}時間ごとに点検する。"
            for _ in range(6)
        ]
        text = "".join(lines)
        asked = [f"{number}番の{PARTS[number % 8]}はいつ点検するか", "何を点検するか"]
        questions += [Question(one, text, "", f"題{number // 4}") for one in asked]
        sections = [
            Section(f"d{number}", "t", f"Manual > Inspection {number}", f"{text} {number}"),
            Section(f"d{number}", "t", f"手順 > 点検 {number}", text),
        ]
        documents.append(([sections[0]], [sections[1]]))
    return Split([], [], questions, [], documents, [], frozenset(), [], {}, {})


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(load_pack(default_pack()), threads=1)


@pytest.fixture(scope="module")
def documents(encoder: Encoder) -> list[LongDocument]:
    return long_documents(split_of(24), encoder.tokenizer, 1100, 2)


def test_documents_hold_their_passages_and_questions(
    documents: list[LongDocument], encoder: Encoder
):
    assert [document.name for document in documents] == ["questions", "english to japanese"]
    for document in documents:
        assert len(encoder.tokenizer.tokenize(document.text).ids) >= 1100
        assert all("点検" in document.text[start:stop] for start, stop in document.spans)
    questions, headings = documents
    # What every passage is asked with alike is left out.
    assert all(text != "何を点検するか" for text, _ in questions.questions)
    for text, (target,) in questions.questions:
        start, stop = questions.spans[target]
        assert questions.text[start:stop].find(f"{text.split('番')[0]}は") >= 0
    assert headings.questions[0] == ("Manual Inspection 0", frozenset((0,)))
    start, _ = headings.spans[0]
    assert headings.text[:start] == "点検 0\n"


def test_the_twin_reads_everything_and_near_alone_reads_less(
    documents: list[LongDocument], encoder: Encoder
):
    pattern = encoder.pack.config.pattern
    text = documents[0].text
    blocks = len(encoder.tokenizer.tokenize(text).ids) // pattern.block + 1
    vectors = {}
    for way in (SPARSE, TWIN, NEAR):
        variant = ways(pattern, blocks)[way]
        reader = variants.open_variant(variants.variant_pack(encoder.pack, variant), variant, 1)
        made = run(reader.encode(text, documents[0].spans, (), cancel=CancelToken()))
        vectors[way] = made.passage_vectors.astype(np.float32)
        read = (made.kept_blocks >= 0).sum(2)
        if way == TWIN:
            assert (read == blocks).all()
            assert made.fidelity.recall_p5 == pytest.approx(1.0, abs=1e-4)
        elif way == NEAR:
            assert read.max() == 3
        else:
            assert 3 < read.max() <= pattern.slots < blocks
    assert float(np.abs(vectors[SPARSE] - vectors[TWIN]).max()) > 3e-4
    assert float(np.abs(vectors[NEAR] - vectors[SPARSE]).max()) > 3e-4


def test_the_figures_compare_the_four_ways(documents: list[LongDocument], encoder: Encoder):
    figures = {one.name: one for one in run(measure(encoder, documents, CancelToken()))}
    found = figures["long documents: nDCG@10 of passage vectors"]
    assert found.n == sum(len(document.questions) for document in documents)
    assert found.low is not None and found.low <= found.figure <= 1
    assert found.target == pytest.approx(found.beside["dense twin"] - 0.005)
    assert set(found.beside) == {"dense twin", "near and global", "near"}
    less = figures["long documents: nDCG@10 of passage vectors, sparse less dense twin"]
    assert less.figure == pytest.approx(found.figure - found.beside["dense twin"], abs=1e-6)
    sampled = figures["long documents: cosine to the dense twin"].beside
    assert 0.99 < sampled["sampled, without the twin"] <= 1
    density = figures["long documents: density"]
    assert density.at_most and density.met is False
    assert json.dumps([one.as_json() for one in figures.values()])
