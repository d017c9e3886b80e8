import json
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.explain.evidence import (
    attended_record,
    from_json,
    search_settings,
    settings_record,
    to_json,
)
from engine.explain.replay import compare
from engine.records import (
    Deletion,
    DocumentId,
    Evidence,
    EvidenceId,
    Fidelity,
    Hit,
    Parts,
    Place,
    RevisionId,
    SearchSettings,
    SourceFile,
    Summary,
    SummarySentence,
)


def made_text(chance: random.Random) -> str:
    return "".join(chance.choice('検査ﾄﾙｸ"\\\n\u2028😀aZ0±') for _ in range(chance.randrange(20)))


def number(chance: random.Random) -> Any:
    value = chance.uniform(-1e6, 1e6) * 10.0 ** chance.randrange(-12, 3)
    return chance.choice([value, 0.1 + 0.2, np.float64(value), 5e-324])


def made_place(chance: random.Random) -> Place:
    boxes = tuple(
        (chance.randrange(1, 9), *(number(chance) for _ in range(4)))
        for _ in range(chance.randrange(3))
    )
    return Place(
        chance.choice([None, np.int64(4)]),  # pyright: ignore[reportArgumentType]
        boxes,  # pyright: ignore[reportArgumentType]
        chance.choice([None, made_text(chance)]),
        chance.choice([None, "A1:B2"]),
        chance.choice([None, "2F"]),
    )


def made_hit(chance: random.Random, rank: int) -> Hit:
    return Hit(
        rank,
        DocumentId(chance.randrange(99)),
        RevisionId(chance.randrange(99)),
        made_text(chance),
        np.int64(3),  # pyright: ignore[reportArgumentType]
        9,
        made_text(chance),
        tuple(made_text(chance) for _ in range(chance.randrange(3))),
        made_place(chance),
        number(chance),
        Parts(chance.choice([None, number(chance)]), number(chance), None),
        tuple((i, i + 1, number(chance)) for i in range(chance.randrange(4))),
        tuple((i, i + 2) for i in range(chance.randrange(3))),
        tuple((i, i + 3) for i in range(chance.randrange(3))),
    )


def made_evidence(seed: int) -> Evidence:
    chance = random.Random(seed)
    summary = Summary(
        EvidenceId(7),
        DocumentId(1),
        RevisionId(2),
        chance.choice([None, made_text(chance)]),
        tuple(
            SummarySentence(i, i + 4, made_text(chance), made_place(chance), number(chance))
            for i in range(chance.randrange(4))
        ),
        number(chance),
        number(chance),
    )
    kept = [(np.int32(1), np.int64(0), 64, np.float32(0.25))]
    return Evidence(
        EvidenceId(7),
        chance.choice(["search", "summary"]),
        chance.choice([None, made_text(chance)]),
        "2026-11-23T20:00:00+09:00",
        "0.1.0",
        settings_record(SearchSettings(5, (DocumentId(3),), use_dense=False)),
        chance.choice([None, "ab" * 32]),
        (SourceFile(DocumentId(1), RevisionId(2), 1, made_text(chance), "cd" * 32, "題", "pdf"),),
        (RevisionId(2), RevisionId(5)),
        tuple(made_hit(chance, rank) for rank in range(chance.randrange(4))),
        chance.choice([None, summary]),
        {
            2: attended_record(
                [(0, 2, 0.5)],
                np.array([[1, 3], [5, 9]], np.int32),
                np.array([0.25, 1], np.float32),
                kept,  # pyright: ignore[reportArgumentType]
                np.int64(12),  # pyright: ignore[reportArgumentType]
            )
        },
        {
            2: Fidelity(0.9, number(chance), 0.01, 64, 0.2),
            5: Fidelity(0.9, 0.8, 0.01, 64, 0.2, number(chance), chance.choice([None, 0.9])),
        },
        {1: Deletion(0.8, 0.3, 0.75, 5)} if chance.random() < 0.5 else {},
    )


@pytest.mark.parametrize("seed", range(60))
def test_json_round_trip_loses_nothing(seed):
    evidence = made_evidence(seed)
    text = to_json(evidence)
    read = from_json(text)
    assert read == evidence
    assert to_json(read) == text
    assert "\n" not in text


def test_a_record_of_before_has_no_vectors_compared():
    record = json.loads(to_json(made_evidence(3)))
    for fidelity in record["fidelity"].values():
        del fidelity["passage_cosine"], fidelity["top10_overlap"]
    read = from_json(json.dumps(record)).fidelity
    assert [(one.passage_cosine, one.top10_overlap) for one in read.values()] == [(None, None)] * 2
    assert read[5].recall_mean == 0.9


def test_settings_come_back_as_they_were():
    settings = SearchSettings(7, (DocumentId(1), DocumentId(2)), use_attention=False)
    assert search_settings(settings_record(settings)) == settings


def test_infinite_number_is_refused():
    evidence = replace(made_evidence(1), settings={"threshold": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        to_json(evidence)


@pytest.mark.parametrize("text", ["[]", "{}", '{"format":2}', "nonsense"])
def test_other_json_is_refused(text):
    with pytest.raises(ValueError):
        from_json(text)


def test_only_the_strongest_tokens_are_kept():
    spans = np.stack([np.arange(1000), np.arange(1000) + 1], axis=1)
    weights = np.linspace(0, 1, 1000)
    record = attended_record([], spans, weights, [], 0)
    assert [token[0] for token in record["tokens"]] == list(range(600, 1000))


def test_replay_of_equal_hits_is_the_same():
    evidence = replace(made_evidence(5), hits=(made_hit(random.Random(1), 1),), summary=None)
    score = evidence.hits[0].score
    nearly = replace(evidence.hits[0], score=score + 1e-8)
    assert compare(evidence, (nearly,), None).same
    assert compare(evidence, (nearly,), None, ["revision_newer:a"]).changes == ("revision_newer:a",)


def test_replay_names_a_changed_result():
    evidence = replace(made_evidence(5), hits=(made_hit(random.Random(1), 1),), summary=None)
    hit = evidence.hits[0]
    for other in [
        (),
        (replace(hit, score=hit.score + 1e-3),),
        (replace(hit, end=10),),
        (replace(hit, highlights=((0, 1, 0.5),) * 5),),
        (replace(hit, related=((0, 1),)),),
    ]:
        replay = compare(evidence, other, None, ["pack_changed"])
        assert not replay.same
        assert replay.changes == ("pack_changed", "result_changed")
