import gzip
import json

import numpy as np
import pytest

from engine.evaluate.calibrate import Asked, fit, judge, part_sets, report
from engine.evaluate.collection import (
    document_of,
    paired_sources,
    paraphrase_sources,
    question_sources,
)
from engine.passages.passages import split_passages
from engine.search.fusion import PARTS, Calibration, RawParts
from engine.search.pipeline import Candidates
from engine.training.corpus import Question, Section


def asked(count, seed, *, foreign=False):
    """Questions with twenty candidates; the right one scores higher in every part."""
    generator = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        right = int(generator.integers(20))
        values = {
            "lexical": np.clip(generator.normal(0.2, 0.1, 20), 0, 1),
            "dense": generator.normal(0.3, 0.1, 20),
            "attention": generator.normal(0.5, 0.1, 20),
        }
        values["lexical"][right] += 0.25
        values["dense"][right] += 0.1
        values["attention"][right] += 0.2
        away = np.zeros(20, bool)
        if foreign:
            away[:] = np.arange(20) % 2 == right % 2
            values["lexical"][away] = 0.0
        raw = RawParts(exact=np.zeros(20), **values)
        rows = np.arange(20) * 3
        made.append(
            Asked(
                "質問です",
                Candidates(rows, raw, away, np.zeros(20, bool), {}),
                frozenset({3 * right}),
            )
        )
    return made


@pytest.fixture(scope="module")
def section():
    return fit(asked(150, 0) + asked(100, 1, foreign=True))


def test_every_set_of_parts_is_fitted_and_read_back(section):
    assert len(section["weights"]) == len(part_sets()) == 7
    calibration = Calibration.read(section)
    for parts in part_sets():
        assert calibration.weights_of(parts) == section["weights"]["+".join(parts)]
    assert all(curve["slope"] > 0 for curve in section["curves"].values())


def test_all_parts_together_beat_each_alone(section):
    judging = asked(200, 5)
    together = judge(judging, section, PARTS)["recall@1"].mean
    alone = [judge(judging, section, (part,))["recall@1"].mean for part in PARTS]
    assert together > max(alone) + 0.02


def test_foreign_answers_are_found_beside_passages_with_matching_words(section):
    judging = asked(200, 6, foreign=True)
    with_words = judge(judging, section, PARTS)["recall@1"].mean
    assert with_words > 2 * judge(judging, section, ("lexical",))["recall@1"].mean
    assert with_words >= judge(judging, section, ("dense", "attention"))["recall@1"].mean - 0.02


def test_report_covers_every_collection_and_set(section):
    made = report({"a": asked(10, 7)}, section)
    assert set(made["a"]) == {"+".join(parts) for parts in part_sets()}
    low, high = made["a"]["lexical"]["recall@1"][1:]
    assert 0 <= low <= high <= 1


def test_answer_of_a_question_stands_where_its_span_says():
    questions = [
        Question("高さは?", "塔の高さは333メートルである。", "333メートル", "塔"),
        Question("色は?", "塔の色は赤と白である。", "赤と白", "塔"),
        Question("幅は?", "橋の幅は12メートルである。", "12メートル", "橋"),
        Question("?", "橋の幅は12メートルである。", "どこにもない", "橋"),
    ]
    sources = question_sources(questions)
    assert [len(source.questions) for source in sources] == [2, 1]
    for source in sources:
        for query, start, end in source.questions:
            wanted = next(item.answer for item in questions if item.question == query)
            assert source.document.text[start:end] == wanted
    passages = split_passages(sources[0].document)
    assert passages[0].heading_path == ("塔",)


def test_pairs_ask_in_the_other_language():
    english = [Section("d", "Guide", "Guide > Tightening bolts", "Tighten the bolts crosswise.")]
    japanese = [Section("d", "案内", "案内 > ボルトの締付け", "ボルトを対角に締め付ける。")]
    first, second = paired_sources([(english, japanese), (english, japanese)])
    ((query, start, end),) = first.questions
    assert query == "Guide Tightening bolts"
    assert first.document.text[start:end] == "ボルトを対角に締め付ける。"
    ((query, start, end),) = second.questions
    assert query == "案内 ボルトの締付け"
    assert second.document.text[start:end] == "Tighten the bolts crosswise."


def test_paraphrases_share_few_words_with_what_they_ask_for(tmp_path):
    rows = [
        ("服が積まれた室内に犬がいます。", "絨毯の上で仔犬が寝そべる。", 4.0),
        ("男性が子供を抱いて立っている。", "男性が子供を抱いて立っています。", 4.9),
        ("川べりに人がいます。", "トイレの壁に黒いタオルがある。", 0.1),
    ]
    path = tmp_path / "pairs.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for first, second, score in rows:
            lines.write(
                json.dumps({"sentence1": first, "sentence2": second, "score": score}) + "\n"
            )
    (source,) = paraphrase_sources(path, 10)
    ((query, start, end),) = source.questions
    assert query == rows[0][0]
    assert source.document.text[start:end] == rows[0][1]
    assert rows[1][1] in source.document.text
    assert rows[2][1] not in source.document.text


def test_document_of_parts_has_exact_units():
    document = document_of("題", [("heading", "題"), ("line", "一つ目。"), ("line", "二つ目。")])
    assert [document.text[unit.start : unit.end] for unit in document.units] == [
        "題", "一つ目。", "二つ目。",
    ]  # fmt: skip
