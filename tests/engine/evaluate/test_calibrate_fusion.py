import json
import math
from pathlib import Path

import numpy as np
import pytest

from engine.evaluate.calibrate import FOREIGN_ODDS, Asked, fit, judge, main, part_sets, report
from engine.evaluate.set_rows import Part, Row, SetDocument, SetPair, SetQuestion
from engine.evaluate.sets import write_set
from engine.models import default_pack
from engine.search.candidates import Candidates
from engine.search.fusion import Calibration
from engine.search.fusion_features import PARTS, RawParts


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
        zeros, absent = np.zeros(20), np.full(20, np.nan)
        raw = RawParts(associated=zeros, exact=zeros, answer=absent, **values)
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
    return fit([asked(150, 0), asked(100, 1, foreign=True)])


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


def test_japanese_questions_are_seldom_meant_for_foreign_passages():
    items = asked(200, 4)
    for number, item in enumerate(items):
        # Whether a candidate is foreign says nothing about its being right.
        item.found.foreign[:] = (np.arange(20) + number) % 3 == 0
    fitted = fit([items])["weights"]["attention"]
    home = fitted["attention"] * 0.6
    away = (fitted["foreign_attention"] + fitted["doubted_attention"]) * 0.6 + fitted["foreign"]
    assert away - home == pytest.approx(math.log(FOREIGN_ODDS), abs=0.4)


def test_sets_weigh_alike_however_long_they_are():
    home, away = asked(60, 2), asked(60, 3, foreign=True)
    once = fit([home, away])["weights"]["+".join(PARTS)]
    assert fit([home * 3, away])["weights"]["+".join(PARTS)] == pytest.approx(once, abs=0.3)
    assert fit([home * 3 + away])["weights"]["+".join(PARTS)] != pytest.approx(once, abs=0.3)


def test_report_covers_every_collection_and_set(section):
    made = report({"a": asked(10, 7)}, section)
    assert set(made["a"]) == {"+".join(parts) for parts in part_sets()}
    low, high = made["a"]["lexical"]["recall@1"][1:]
    assert 0 <= low <= high <= 1


def test_the_command_fits_on_a_set_of_questions(tmp_path: Path, capsys: pytest.CaptureFixture):
    texts = [
        "ポンプは乾いた布で拭く。",
        "弁は対角に締め付ける。",
        "The box is closed.",
        "記録を残す。",
    ]
    parts = tuple(Part(str(place), text, (f"{place}章",)) for place, text in enumerate(texts))
    rows: list[Row] = [
        SetDocument("d", "d", parts, True),
        SetQuestion("ポンプを拭くものは?", ("0",)),
        SetQuestion("締め付けるものは?", ("1",), split="dev"),
        SetQuestion("箱を閉じる", ("2",)),
        SetQuestion("残すものは?", ("3",)),
        SetQuestion("記録は?", ("3",), split="test"),
    ]
    write_set(tmp_path / "steps.jsonl", "steps", "retrieval", rows)
    before = (default_pack() / "pack.json").read_bytes()
    command = ["--pack", str(default_pack()), str(tmp_path / "steps.jsonl"), "--dry-run"]
    assert main(command) == 0
    section = json.loads(capsys.readouterr().out)
    assert set(section["weights"]) == {"+".join(parts) for parts in part_sets()}
    assert set(section["figures"]) == {"steps"}
    assert (default_pack() / "pack.json").read_bytes() == before


def test_sets_without_questions_are_named(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = tmp_path / "pairs.jsonl"
    write_set(path, "pairs", "pairs", [SetPair("a", "b")])
    assert main(["--pack", str(default_pack()), str(path)]) == 1
    assert "pairs.jsonl" in capsys.readouterr().err
