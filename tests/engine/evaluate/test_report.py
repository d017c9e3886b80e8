"""The report: targets from results, and its file."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.evaluate import highlights, summaries, targets
from engine.evaluate.evaluation import Group, SetResult
from engine.evaluate.figures import Figure
from engine.evaluate.report import main, merged, parts, read_figures, write_report
from engine.evaluate.retrieval import Estimate
from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.models import default_pack
from engine.training.config import load_config
from engine.training.splits import read_split

WAYS = {"bm25": 0.80, "lexical": 0.81, "dense": 0.62, "attention": 0.79, "fused": 0.87}


def result(name: str, kinds: tuple[str, ...] = ("",), kind: str = "retrieval") -> SetResult:
    def estimates(value: float) -> dict[str, Estimate]:
        names = ("recall@1", "recall@5", "recall@10", "mrr", "ndcg@10", "spearman")
        return {one: Estimate(value, value - 0.02, value + 0.02, 100) for one in names}

    ways = {way: estimates(value) for way, value in WAYS.items()}
    gains = {way: estimates(value - WAYS["bm25"]) for way, value in WAYS.items() if way != "bm25"}
    groups = tuple(Group(one, 100, ways, gains) for one in kinds)
    return SetResult(name, kind, 407, groups, (), 1.0)


def by_name(figures: list[Figure], *words: str) -> Figure:
    (found,) = [one for one in figures if all(word in one.name for word in words)]
    return found


def test_questions_are_held_against_their_targets():
    figures = targets.jaquad_figures(result("jaquad"))
    dense = by_name(figures, "dense", "recall@1")
    assert (dense.target, dense.met, dense.beside["bm25"]) == (0.60, True, 0.80)
    assert by_name(figures, "attention less BM25").met is False
    gain = by_name(figures, "fused less BM25")
    assert (gain.target, gain.met) == (0.06, True)
    assert gain.figure == pytest.approx(0.07)


def test_other_sets_and_their_targets():
    both = result("parallel", ("", "first_finds_second", "second_finds_first"))
    assert [one.met for one in targets.parallel_figures(both)] == [False, False]
    assert targets.similarity_figures(result("jsts"))[0].target == 0.76
    to_japanese = targets.heading_figures(result("headings_en_ja"))[0]
    assert to_japanese.target == 0.70 and "Japanese section" in to_japanese.name
    assert targets.heading_figures(result("headings_ja_en"))[0].target is None
    assert targets.english_figures(result("qmsum"))[0].name.startswith("QMSum")
    assert all(one.target is None for one in targets.whole_figures(result("same_language")))


def test_paraphrases_that_nothing_was_fitted_to_judge():
    found = result("paraphrases", ("", "dev", "test"))
    figures = targets.paraphrase_figures(found)
    gain = by_name(figures, "less BM25", "recall@5")
    assert (gain.target, gain.met) == (0.25, False)
    assert by_name(figures, "(dev)").target is None
    assert targets.paraphrase_figures(result("paraphrases"))[0].n == 100


def test_what_is_measured_now_replaces_what_was_given():
    given = [Figure("a", 1.0), Figure("b", 2.0)]
    assert [(one.name, one.figure) for one in merged([Figure("b", 3.0)], given)] == [
        ("b", 3.0), ("a", 1.0),
    ]  # fmt: skip


def test_the_file_holds_figures_and_table(tmp_path: Path):
    encoder = Encoder.load(load_pack(default_pack()), threads=1)
    figures = [*targets.pack_figures(encoder.pack), *targets.jaquad_figures(result("jaquad"))]
    assert figures[0].met and 1 < figures[0].figure < 25
    path = tmp_path / "figures.json"
    write_report(path, encoder, figures, {"jaquad": 2.34})
    held = json.loads(path.read_text("utf-8"))
    assert held["pack"]["hash"] == encoder.pack.pack_hash
    assert held["table"].count("\n") == len(figures) + 2
    assert [one.as_json() for one in read_figures(path)] == held["figures"]
    path.write_text(json.dumps([{"name": "hours", "figure": 7.5}]), encoding="utf-8")
    assert read_figures(path)[0].figure == 7.5
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="no list"):
        read_figures(path)


def test_every_part_of_the_issue_is_reported():
    assert set(parts()) >= {"parallel", "jsts", "jaquad", "headings_en_ja", "paraphrases"}
    assert set(parts()) >= {"highlights", "summaries", "long_documents"}


CONFIG = """
[pairs]
dev = 6
[split]
documents = 1
contexts = 2
english_contexts = 1
similarity = 4
"""
THINGS = [
    ("pump", "ポンプ"), ("valve", "弁"), ("record", "記録"), ("drawing", "図面"),
    ("spring", "ばね"), ("gauge", "計器"), ("motor", "電動機"), ("label", "銘板"),
]  # fmt: skip


STEPS = {
    "en": ("Close {}.", "Open {}.", "Clean {}.", "Oil {}.", "Paint {}.", "Weigh {}.", "Keep {}."),
    "ja": (
        "{}を閉じる。", "{}を開く。", "{}を拭く。", "{}に注油する。", "{}を塗る。", "{}を量る。",
        "{}を保管する。",
    ),
}  # fmt: skip


def document(name: str, text: str, language: str) -> list[tuple[str, str]]:
    """Paths of headings and texts: an introduction long enough to be a summary, and seven steps."""
    introduction = (name, text * 6)
    steps = enumerate(STEPS[language], start=1)
    return [introduction, *((f"{name} > {at}", step.format(name)) for at, step in steps)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus in the form of the training's."""
    folder = tmp_path_factory.mktemp("corpus")

    def write(name: str, lines: list[str]) -> None:
        (folder / name).write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))

    pairs = [
        (f"The {english} is checked on day {day}.", f"{japanese}を{day}日目に点検する。")
        for day, (english, japanese) in enumerate(THINGS, start=1)
    ]
    write("parallel.tsv.gz", [f"{one}\t{other}\tmade:ht" for one, other in pairs])
    for side, language in enumerate(("en", "ja")):
        sections = [
            {"doc": f"d{at}", "title": names[side], "heading_path": path, "text": text}
            for at, (names, pair) in enumerate(zip(THINGS, pairs, strict=True))
            for path, text in document(names[side], pair[side], language)
        ]
        write(f"sections_{language}.jsonl.gz", list(map(json.dumps, sections)))
    japanese = [
        {
            "question": f"{name}は何日目に点検するか",
            "context": text,
            "answers": [f"{day}日目"],
            "title": name,
            "id": str(day),
        }
        for day, ((_, name), (_, text)) in enumerate(zip(THINGS, pairs, strict=True), start=1)
    ]
    write("qa_ja_train.jsonl.gz", list(map(json.dumps, japanese)))
    english = [
        {
            "question": f"When is the {name} checked?",
            "context": text,
            "answers": [f"day {day}" if kind == "fairytale" else f"On day {day}."],
            "id": f"{kind}-{name}-0",
        }
        for kind in ("qmsum", "fairytale")
        for day, ((name, _), (text, _)) in enumerate(zip(THINGS, pairs, strict=True), start=1)
    ]
    write("qa_en_train.jsonl.gz", list(map(json.dumps, english)))
    scores = [
        {"sentence1": text, "sentence2": text.replace("点検", "検査"), "score": at / 2}
        for at, (_, text) in enumerate(pairs)
    ]
    write("sts_nli_ja_train.jsonl.gz", list(map(json.dumps, scores)))
    (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    return folder


def test_the_command_measures_a_corpus_and_keeps_what_was_given(corpus: Path, tmp_path: Path):
    out, before = tmp_path / "figures.json", tmp_path / "before.json"
    hours = {"name": "Training, hours", "figure": 7.5, "target": 8, "at_most": True}
    before.write_text(json.dumps([hours]), encoding="utf-8")
    command = ["--corpus", str(corpus), "--config", str(corpus / "config.toml")]
    command += ["--pack", str(default_pack()), "--out", str(out), "--figures", str(before)]
    sets = ["parallel", "jsts", "jaquad", "same_language", "qmsum", "fairytales"]
    assert main([*command, "--only", *sets, "headings_en_ja", "headings_ja_en"]) == 0
    held = json.loads(out.read_text("utf-8"))
    names = [one["name"] for one in held["figures"]]
    assert names[-1] == "Training, hours" and held["figures"][-1]["met"] is True
    for words in ("English finds Japanese among 6", "JSTS: dense", "JaQuAD, 2 passages: fused"):
        assert any(name.startswith(words) for name in names), names
    assert set(held["seconds"]) == {*sets, "headings_en_ja", "headings_ja_en"}


def test_what_nobody_asked_is_no_figure(corpus: Path):
    config = load_config(corpus / "config.toml")
    split = read_split(corpus, config.pairs, config.split, config.seed)
    nothing = replace(split, dev_questions=[], dev_english=[], dev_documents=[])
    encoder = Encoder.load(load_pack(default_pack()), threads=1)
    assert highlights.measure(nothing, encoder) == summaries.measure(nothing, encoder) == []


def test_highlights_summaries_and_paraphrases_of_a_corpus(corpus: Path, tmp_path: Path):
    pytest.importorskip("sumy")
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "手順.txt").write_text("弁を閉じる。記録は五年間保管する。", encoding="utf-8")
    asked = [
        {"query": query, "document": "手順.txt", "contains": "弁を閉じる", "split": split}
        for query, split in (("バルブを閉めるのは?", "dev"), ("閉鎖するものは?", "test"))
    ]
    (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    out = tmp_path / "figures.json"
    command = ["--corpus", str(corpus), "--config", str(corpus / "config.toml"), "--most", "2"]
    command += ["--pack", str(default_pack()), "--out", str(out), "--samples", str(samples)]
    command += ["--paraphrases", str(tmp_path / "asked.jsonl"), "--only"]
    assert main([*command, "highlights", "summaries", "paraphrases"]) == 0
    held = json.loads(out.read_text("utf-8"))
    assert set(held["seconds"]) == {"highlights", "summaries", "paraphrases"}
    figures = {one["name"]: one for one in held["figures"]}
    marked = [one for name, one in figures.items() if name.startswith("Highlights")]
    assert [one["n"] for one in marked] == [2, 1]
    for one in marked:
        best = max(one["beside"]["lexical words"], one["beside"]["lexical sentence"])
        assert one["target"] == pytest.approx(best + 0.1)
    written = ("Summaries of English documents", "Summaries of Japanese documents")
    for name in (*written, "Summaries for questions, QMSum"):
        for n in (1, 2):
            one = figures[f"{name}: ROUGE-{n}"]
            others = [one["beside"][way] for way in ("Lead", "LexRank", "TextRank")]
            assert one["n"] == 1 and one["target"] == max(others) and one["low"] <= one["high"]
    judged = [one for name, one in figures.items() if name.startswith("Paraphrases")]
    assert [one["n"] for one in judged] == [1, 1, 1, 1]


def test_the_command_names_what_is_wrong(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    command = ["--corpus", str(corpus), "--config", str(corpus / "config.toml")]
    command += ["--pack", str(tmp_path / "none"), "--out", str(tmp_path / "figures.json")]
    assert main(command) == 1
    assert "no model pack" in capsys.readouterr().err
