"""Losses of int8 against the float32 weights, on a small random encoder."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from engine.evaluate.evaluation import SetResult, evaluate
from engine.evaluate.precision import exact_encoder, losses, measure
from engine.evaluate.set_rows import Part, SetDocument, SetPair, SetQuestion
from engine.evaluate.sets import open_set, write_set
from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.progress import CancelToken, run
from engine.training import oracle
from engine.training.export import export_pack
from engine.training.weights import expected_shapes, load_weights

TEXTS = [f"{word} の検査記録を確認する。" * 3 for word in ("bolt", "弁", "pump", "12 kpa")]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    characters = sorted(set("".join(TEXTS) + "abcdefghijklmnopqrstuvwxyz"))
    pieces = [("<pad>", 0.0), ("<unk>", -20.0), *((one, -8.0) for one in characters)]
    pieces += [(f"<0x{byte:02X}>", -12.0) for byte in range(256)]
    tokenizer = Tokenizer(models.Unigram(pieces, 1, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "architecture": "chumoku-2", "layers": 2, "width": 64, "heads": 2, "feed_forward": 128,
        "block": 16, "vocabulary": len(pieces), "passage_width": 48, "token_width": 32, "near": 1,
        "global_blocks": 1, "k_min": 2, "k_max": 4, "mass": 0.9, "rotary_base": 10000.0,
        "norm_eps": 1e-6, "passage_widths": [16],
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    generator = np.random.default_rng(0)
    weights = {
        name: (generator.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
        for name, shape in expected_shapes(config).items()
    }
    for name, shape in expected_shapes(config).items():
        if len(shape) == 1 and "norm" in name:
            weights[name] = np.ones(shape, np.float32)
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def pack(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs") / "tiny"
    export_pack(checkpoint, folder, name="tiny", revision="1")
    return folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    parts = tuple(Part(str(place), text) for place, text in enumerate(TEXTS))
    questions = [SetQuestion(text[:8], (str(place),)) for place, text in enumerate(TEXTS)]
    rows = [SetDocument("d", "d", parts, False), *questions]
    write_set(folder / "records.jsonl", "records", "retrieval", rows)
    pairs = [SetPair(TEXTS[0], text, float(place)) for place, text in enumerate(TEXTS)]
    write_set(folder / "scored.jsonl", "scored", "similarity", pairs)
    return folder


def test_float32_is_that_of_the_checkpoint_and_int8_is_near_it(pack: Path, checkpoint: Path):
    quantised, source = Encoder.load(load_pack(pack), threads=1), load_weights(checkpoint)
    exact = exact_encoder(quantised, source)
    text = TEXTS[0]
    spans = [(0, 10), (10, len(text)), (3, 3)]
    one, other = (
        run(model.encode(text, spans, [(0, 5)], cancel=CancelToken(), fidelity_sample=0))
        for model in (quantised, exact)
    )
    yardstick = oracle.encode(source, exact.tokenizer.tokenize(text).ids)
    rounded = np.abs(other.token_vectors / 127.0 - yardstick.token_vectors).max()
    assert rounded < 0.6 / 127 < np.abs(one.token_vectors / 127.0 - yardstick.token_vectors).max()
    for first, second in (
        (one.passage_vectors[:2], other.passage_vectors[:2]),
        (one.sentence_vectors, other.sentence_vectors),
    ):
        cosines = (first.astype(float) * second.astype(float)).sum(axis=1)
        assert cosines.min() > 0.97
        assert not np.array_equal(first, second)
    query = exact.encode_query(text)
    counts, pointers, _ = oracle.question(source, yardstick.states)
    assert query.token_weights == pytest.approx(counts, rel=1e-2)
    np.testing.assert_allclose(query.pointer_vectors, pointers, atol=1e-2)


def test_a_pack_loses_nothing_to_itself(pack: Path, sets: Path):
    encoder = Encoder.load(load_pack(pack), threads=1)

    def result(name: str) -> SetResult:
        return run(evaluate(open_set(sets / name), encoder, CancelToken()))

    for name in ("records.jsonl", "scored.jsonl"):
        found = losses(result(name), result(name))
        assert found and all(one.figure == 0 and one.met for one in found)


def test_losses_are_counted_question_by_question(pack: Path, sets: Path):
    encoder = Encoder.load(load_pack(pack), threads=1)
    found = run(evaluate(open_set(sets / "records.jsonl"), encoder, CancelToken()))
    best = tuple((query, dict.fromkeys(ranks, 1)) for query, ranks in found.ranks)
    lost = tuple(
        (query, dict.fromkeys(ranks, 1 if place else None))
        for place, (query, ranks) in enumerate(best)
    )
    before = SetResult(found.name, found.kind, 4, found.groups, best, 0.0)
    after = SetResult(found.name, found.kind, 4, found.groups, lost, 0.0)
    figures = {one.name: one for one in losses(after, before)}
    dense = figures["int8 less float32, records: dense, recall@1"]
    assert (dense.figure, dense.met, dense.n) == (-0.25, False, 4)


def test_a_pack_is_measured_beside_its_checkpoint(pack: Path, checkpoint: Path, sets: Path):
    encoder = Encoder.load(load_pack(pack), threads=1)
    exact = exact_encoder(encoder, load_weights(checkpoint))
    names = []
    for name in ("records.jsonl", "scored.jsonl"):
        job = measure(open_set(sets / name), encoder, exact, 4, CancelToken())
        names += [one.name for one in run(job)]
    assert "int8 less float32, records: fused, recall@10" in names
    assert "int8 less float32, scored: dense, spearman" in names
