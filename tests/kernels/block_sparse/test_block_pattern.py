import numpy as np
import pytest

from kernels.block_sparse.pattern import (
    BlockPattern,
    group_blocks,
    join_lists,
    select_blocks,
    validate_lists,
)

PATTERN = BlockPattern(k_min=1, k_max=4, mass=0.9)


def means_with_probability(probability: dict[int, float], total: int, query: int) -> tuple:
    """One head of width 1 in which ``query`` gives the named far blocks these probabilities."""
    keys = np.full((total, 1, 1), -200.0)
    for block, share in probability.items():
        keys[block] = np.log(share)
    queries = np.zeros((total, 1, 1))
    queries[query] = 1.0
    return queries, keys


@pytest.mark.parametrize("total", [1, 2, 8, 9, 40])
def test_lists_obey_the_pattern(total):
    generator = np.random.default_rng(total)
    means = generator.standard_normal((2, total, 4, 16))
    lists = select_blocks(PATTERN, means[0], means[1])
    validate_lists(lists, PATTERN, total)


@pytest.mark.parametrize("total", [1, 3, 8])
def test_a_document_of_up_to_eight_blocks_is_dense(total):
    means = np.random.default_rng(0).standard_normal((2, total, 2, 8))
    kept = select_blocks(PATTERN, means[0], means[1]).slots(PATTERN.slots)
    for row in kept:
        assert sorted(row[row >= 0]) == list(range(total))


def test_selection_stops_at_the_mass_target():
    queries, keys = means_with_probability({5: 0.6, 9: 0.35, 3: 0.04, 12: 0.01}, 20, query=15)
    lists = select_blocks(PATTERN, queries, keys)
    assert lists.far[15].tolist() == [0, 5, 9, -1, -1]
    np.testing.assert_allclose(lists.probability[15], [0, 0.6, 0.35, 0, 0], atol=1e-12)


def test_selection_takes_at_least_k_min_and_at_most_k_max():
    queries, keys = means_with_probability({5: 0.97, 9: 0.02, 3: 0.01}, 20, query=15)
    at_least_two = BlockPattern(k_min=2, k_max=4, mass=0.9)
    assert select_blocks(at_least_two, queries, keys).far[15].tolist() == [0, 5, 9, -1, -1]
    even = dict.fromkeys(range(2, 12), 0.1)
    queries, keys = means_with_probability(even, 20, query=15)
    assert select_blocks(PATTERN, queries, keys).far[15].tolist() == [0, 2, 3, 4, 5]


def test_near_and_global_blocks_take_no_share_of_the_selection():
    queries, keys = means_with_probability({0: 0.5, 14: 0.2, 15: 0.1, 16: 0.1, 4: 0.1}, 20, 15)
    lists = select_blocks(PATTERN, queries, keys)
    assert lists.far[15].tolist() == [0, 4, -1, -1, -1]
    assert lists.probability[15, 1] == pytest.approx(1.0)


def test_choosing_in_chunks_gives_the_same_lists():
    means = np.random.default_rng(3).standard_normal((2, 50, 4, 16)).astype(np.float32)
    whole = select_blocks(PATTERN, means[0], means[1])
    pieces = [
        select_blocks(PATTERN, means[0, start : start + 7], means[1], start)
        for start in range(0, 50, 7)
    ]
    np.testing.assert_array_equal(join_lists(pieces).far, whole.far)


def test_groups_hold_every_query_block_once_and_keep_tail_readers_apart():
    means = np.random.default_rng(4).standard_normal((2, 60, 2, 8)) * 3.0
    lists = select_blocks(PATTERN, means[0], means[1])
    groups = group_blocks(lists, last=59)
    together = np.concatenate([group.queries for group in groups])
    assert sorted(together.tolist()) == list(range(60))
    for group in groups:
        reads_tail = (group.near == 59).any(axis=1) | (group.far == 59).any(axis=1)
        assert reads_tail.all() or not reads_tail.any()
        for query, near, far in zip(group.queries, group.near, group.far, strict=True):
            assert near.tolist() == lists.near[query][lists.near[query] >= 0].tolist()
            assert far.tolist() == lists.far[query][lists.far[query] >= 0].tolist()


@pytest.mark.parametrize(
    "wrong",
    [{"block": 0}, {"near": -1}, {"k_min": 5}, {"mass": 0.0}, {"mass": 1.5}, {"rotary_base": 1.0}],
)
def test_a_contradictory_pattern_is_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        BlockPattern(**wrong).validate()


def test_wrong_lists_are_told_apart():
    means = np.random.default_rng(5).standard_normal((2, 20, 2, 8))
    lists = select_blocks(PATTERN, means[0], means[1])
    lists.far[10, 1] = 11
    with pytest.raises(ValueError, match="query block 10"):
        validate_lists(lists, PATTERN, 20)
