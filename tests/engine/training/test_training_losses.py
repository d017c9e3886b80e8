import math

import pytest
import torch
from tokenizers import Tokenizer, models
from torch.nn import functional

from engine.training.config import ModelConfig, RetrieveConfig
from engine.training.losses import (
    contrast,
    pointer_loss,
    similarity_loss,
    wrong_answers,
)
from engine.training.mining import mine_neighbours, read_neighbours, write_neighbours
from engine.training.model import Encoder, maxsim
from engine.training.rotation import kept_rotation, principal_rotation


def unit(*rows):
    return functional.normalize(torch.tensor(rows, dtype=torch.float32), dim=-1)


def test_late_interaction_by_hand():
    query = unit([1, 0], [0, 1])[None]
    passage = unit([1, 0], [3, 4], [0, 1])[None]
    real = torch.tensor([[True, True, False]])
    score = maxsim(query, torch.tensor([[3.0, 1.0]]), passage, real)
    assert float(score) == pytest.approx((3 * 1.0 + 1 * 0.8) / 4)
    assert float(maxsim(query, torch.tensor([[True, False]]), passage, real)) == pytest.approx(1.0)


def test_a_second_question_of_a_passage_is_no_mistake():
    scores = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    targets = torch.tensor([0, 0])
    allowed = wrong_answers(["a", "b"], [0, 0])
    forth = math.log(math.exp(2) + 1) - 2
    assert float(contrast(scores, allowed, targets)) == pytest.approx(0.7 * forth, abs=1e-6)


def test_pointing_is_the_attention_on_the_answer():
    vectors, passage = unit([1, 0], [0, 1])[None], unit([1, 0], [0, 1])[None]
    answers = torch.tensor([[False, True]])
    every = torch.tensor([[True, True]])
    right = math.log(math.exp(2) / (math.exp(2) + 1))
    gates = torch.tensor([[-30.0, 30.0]])
    loss = pointer_loss(vectors, gates, every, passage, answers, 2.0)
    assert float(loss) == pytest.approx(-right, abs=1e-5)
    padded = torch.cat((passage, torch.zeros(1, 1, 2)), 1)
    wider = functional.pad(answers, (0, 1))
    same = pointer_loss(vectors, gates, every, padded, wider, 2.0)
    assert float(same) == pytest.approx(float(loss), abs=1e-5)


def test_similarity_is_a_correlation():
    scores = torch.tensor([0.0, 2.0, 5.0])
    assert float(similarity_loss(scores * 0.1 + 0.3, scores)) == pytest.approx(0.0, abs=1e-6)
    assert float(similarity_loss(-scores, scores)) == pytest.approx(2.0, abs=1e-6)


def test_turned_vectors_say_most_in_their_first_numbers(tmp_path):
    generator = torch.Generator().manual_seed(1)
    scale = torch.tensor([0.1, 3.0, 0.5, 1.0])
    vectors = functional.normalize(torch.randn(200, 4, generator=generator) * scale, dim=-1)
    turn = principal_rotation(vectors)
    turned = vectors @ turn.T
    torch.testing.assert_close(turned @ turned.T, vectors @ vectors.T, atol=1e-5, rtol=1e-5)
    power = turned.square().mean(0).tolist()
    assert power == sorted(power, reverse=True)
    kept = kept_rotation(tmp_path / "rotation.npy", vectors)
    assert torch.equal(kept, kept_rotation(tmp_path / "rotation.npy", vectors[:10]))


def test_mined_neighbours_are_near_but_not_the_answer(tmp_path, monkeypatch):
    from engine.training import mining
    from engine.training.contexts import Passage

    places = {"a": [1, 0], "b": [0.9, 0.5], "c": [0, 1], "copy": [1, 0.01], "question": [1, 0.1]}
    monkeypatch.setattr(
        mining, "sentence_vectors", lambda _, __, texts, ___: unit(*[places[t] for t in texts])
    )
    documents = [[Passage(name, name, "ja") for name in ("b", "c", "copy")]]
    documents.append([Passage("a", "a", "ja", queries=("question",))])

    encoder = Encoder(ModelConfig(layers=1, width=32, heads=2, feed_forward=32, vocabulary=20))
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0}, "<unk>"))
    found = mine_neighbours(encoder, tokenizer, documents, RetrieveConfig(mined=2))
    assert found["a"][0] == "b"
    assert "copy" not in found["a"]
    write_neighbours(tmp_path / "n.json", found)
    assert read_neighbours(tmp_path / "n.json") == found
