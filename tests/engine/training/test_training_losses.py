import math

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.nn import functional

from engine.training.config import ModelConfig
from engine.training.contexts import Passage
from engine.training.losses import (
    contrast,
    pointer_loss,
    similarity_loss,
    wrong_answers,
)
from engine.training.mining import (
    mine_neighbours,
    nearest_wrong,
    read_neighbours,
    write_neighbours,
)
from engine.training.model import Encoder, maxsim
from engine.training.rotation import kept_rotation, principal_rotation
from engine.training.sentences import best_sentences, encode_sentences, pool_ranges
from engine.training.stage_config import RetrieveConfig


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


def test_hard_negatives_are_near_but_not_the_answer():
    # Right, as good as right, near, far.
    scores = torch.tensor([[0.90, 0.89, 0.70, 0.10], [0.20, 0.60, 0.50, 0.40]])
    found = nearest_wrong(scores, torch.tensor([0, 0]), 2).tolist()
    assert found[0] == [2, 3]
    # A right passage that is far down teaches from whatever stands above it.
    assert found[1] == [1, 2]


def test_mined_neighbours_are_kept(tmp_path):
    texts = ["one two . three", "two three", "three one . two one"]
    documents = [[Passage(text, text, "ja", queries=(text,))] for text in texts]
    words = models.WordLevel({"<unk>": 0, "one": 1, "two": 2, "three": 3, ".": 4}, "<unk>")
    tokenizer = Tokenizer(words)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    encoder = Encoder(ModelConfig(layers=1, width=32, heads=2, feed_forward=32, vocabulary=20))
    found = mine_neighbours(encoder, tokenizer, documents, RetrieveConfig(mined=1))
    assert found.keys() <= set(texts)
    assert all(group not in names and len(names) <= 1 for group, names in found.items())
    write_neighbours(tmp_path / "n.json", found)
    assert read_neighbours(tmp_path / "n.json") == found


def test_a_passage_answers_by_its_best_sentence():
    scores = torch.tensor([[0.1, 0.7, 0.3], [0.5, -0.2, 0.4]])
    best = best_sentences(scores, torch.tensor([0, 0, 2]), 3)
    torch.testing.assert_close(best, torch.tensor([[0.7, -2.0, 0.3], [0.5, -2.0, 0.4]]))


def test_sentences_hold_every_token_and_are_pooled_apart():
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ids, ranges = encode_sentences(tokenizer, ["The first one. The second.", ""], 6)
    assert [len(row) for row in ids] == [6, 1]
    assert ranges == [[(0, 4), (4, 6)], [(0, 1)]]
    states = torch.arange(12.0).view(6, 2)
    pooled = pool_ranges(states, ranges[0])
    torch.testing.assert_close(pooled, torch.tensor([[3.0, 4.0], [9.0, 10.0]]))
