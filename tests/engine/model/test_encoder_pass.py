import numpy as np
import pytest

from engine.errors import Cancelled, QueryError
from engine.model.encoder import Encoder
from engine.model.fidelity import SAMPLE
from engine.model.layers import LayerState
from engine.model.outline import read_headings
from engine.progress import CancelToken, run
from engine.records import Encoding
from engine.training import oracle
from engine.training.export import compare
from engine.training.weights import load_weights
from kernels.block_sparse.pattern import join_lists, validate_lists
from kernels.block_sparse.reference import attend_block, block_means


def encode(encoder: Encoder, text: str, spans=(), sentences=(), **options):
    return run(encoder.encode(text, spans, sentences, cancel=CancelToken(), **options))


def text_of(tokens: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return " ".join(letters[i * i % 26] for i in range(tokens))


def check_attention(result: Encoding) -> None:
    """Attention gave something: outputs of zero would have an error of 1."""
    np.testing.assert_allclose(result.kept_mass.astype(float).sum(axis=2), 1.0, atol=5e-3)
    assert 0.0 < result.fidelity.output_error < 0.8
    np.testing.assert_allclose(np.linalg.norm(result.token_vectors / 127.0, axis=1), 1.0, atol=0.02)


@pytest.mark.parametrize("tokens", [1, 15, 16, 17, 33, 128])
def test_int8_stays_close_to_float64(tiny_encoder, tiny_checkpoint, tokens):
    text = text_of(tokens)
    spans = [(0, len(text)), (0, 1)]
    result = encode(tiny_encoder, text, spans, spans[:1])
    assert len(result.token_spans) == tokens
    source = load_weights(tiny_checkpoint)
    exact = oracle.encode(source, tiny_encoder.tokenizer.tokenize(text).ids)
    cosines = (result.token_vectors / 127.0 * exact.token_vectors).sum(axis=1)
    assert cosines.min() > 0.98
    vectors = oracle.passage_vectors(source, exact.states, [(0, tokens), (0, 1)])
    assert (result.passage_vectors.astype(float) * vectors).sum(axis=1).min() > 0.98
    np.testing.assert_array_equal(result.sentence_vectors, result.passage_vectors[:1])
    expected = np.stack([part.kept for part in exact.attention])
    np.testing.assert_array_equal(result.kept_blocks, expected)


def test_a_wrong_rotation_would_be_noticed(tiny_checkpoint, tiny_encoder):
    """The closeness test above has teeth: another rotary base is told apart."""
    source = load_weights(tiny_checkpoint)
    text = text_of(100)
    ids = tiny_encoder.tokenizer.tokenize(text).ids
    vectors = encode(tiny_encoder, text).token_vectors / 127.0
    assert (vectors * oracle.encode(source, ids).token_vectors).sum(axis=1).min() > 0.98
    source.config["rotary_base"] = 100.0
    assert (vectors * oracle.encode(source, ids).token_vectors).sum(axis=1).min() < 0.98


@pytest.mark.parametrize("tokens", [300, 16 * 40 + 3])
def test_every_layer_attends_as_the_specification_says(tiny_encoder, tokens):
    """On its own queries and keys, so that int8 does not blur the comparison."""
    stack, pattern = tiny_encoder._stack, tiny_encoder.pack.config.pattern
    ids = np.random.default_rng(tokens).integers(2, 60, tokens)
    state = LayerState(tiny_encoder.pack.config, tokens)
    for step in (stack.embed(state, ids), stack.project(state, 0)):
        list(step)
    for means, rows in ((state.query_means, state.queries), (state.key_means, state.keys)):
        expected = block_means(rows.astype(np.float64), tokens)
        np.testing.assert_allclose(means, expected, atol=2e-3)
    pieces = []
    list(stack.select(state, pieces))
    lists = join_lists(pieces)
    validate_lists(lists, pattern, state.blocks)
    kept = lists.slots(pattern.slots)
    keys, values = state.keys.astype(np.float64), state.values.astype(np.float64)
    queries = state.queries.astype(np.float64)
    stored = [x.astype(np.float32) for x in (state.queries, state.keys, state.values)]
    seen, outputs, masses = [], [], []
    for group, context, mass in stack.attend(state, 0, lists):
        for row, query in enumerate(group.queries):
            seen.append(query)
            real = min(pattern.block, tokens - query * pattern.block)
            listed = kept[query][kept[query] >= 0]
            expected, share = attend_block(
                query, queries[query, :, :real], keys, values, listed, tokens, pattern
            )
            single, part = attend_block(
                query, stored[0][query, :, :real], stored[1], stored[2], listed, tokens, pattern
            )
            got = context[row, :real].transpose(1, 0, 2)
            outputs.append([np.abs(x - expected).max() for x in (single, got)])
            masses.append(
                [
                    np.abs(x - share.mean(axis=(0, 1))).max()
                    for x in (part.mean(axis=(0, 1)), mass[row])
                ]
            )
    # Both compute in float32, in another order of summation.
    for errors, unit in ((outputs, 1e-6), (masses, 2.5e-7)):
        numpy_error, error = np.max(errors, axis=0)
        assert error <= 4.0 * numpy_error + unit
    assert sorted(seen) == list(range(state.blocks))


def test_a_long_document(tiny_encoder, long_text):
    spans = [(0, 200), (200, 900), (len(long_text), len(long_text))]
    result = encode(tiny_encoder, long_text, spans, [(5, 9)])
    count = len(result.token_spans)
    blocks = -(-count // 16)
    assert blocks > 60
    assert result.kept_blocks.shape == result.kept_mass.shape == (2, blocks, 8)
    np.testing.assert_allclose(result.kept_mass.astype(float).sum(axis=2), 1.0, atol=5e-3)
    assert (result.kept_mass[result.kept_blocks < 0] == 0).all()
    lengths = np.linalg.norm(result.passage_vectors.astype(float), axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 0], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(result.token_vectors / 127.0, axis=1), 1.0, atol=0.02)
    last = result.token_vectors[(blocks - 1) * 16 :].mean(axis=0) / 127.0
    np.testing.assert_allclose(result.block_summaries[-1].astype(float), last, atol=5e-3)
    assert result.fidelity.density < 0.15
    assert 0.0 < result.fidelity.recall_p5 <= result.fidelity.recall_mean < 1.0
    assert result.encoder_hash == tiny_encoder.pack.encoder_hash


def test_the_same_text_gives_the_same_bytes(tiny_encoder, tiny_pack, long_text):
    spans = [(0, 500), (500, 2000)]
    several = Encoder.load(tiny_pack, threads=3)
    results = [
        encode(encoder, long_text, spans, spans, seed=3)
        for encoder in (tiny_encoder, tiny_encoder, Encoder.load(tiny_pack, threads=1), several)
    ]
    check_attention(results[0])
    names = ("token_vectors", "block_summaries", "passage_vectors", "sentence_vectors")
    for name in (*names, "kept_blocks", "kept_mass", "fidelity"):
        first = getattr(results[0], name)
        for other in results[1:]:
            if isinstance(first, np.ndarray):
                np.testing.assert_array_equal(getattr(other, name), first)
            else:
                assert getattr(other, name) == first


@pytest.mark.parametrize("text", ["", " \n　"])
def test_text_without_tokens_gives_empty_arrays(tiny_encoder, text):
    result = encode(tiny_encoder, text, [(0, 0)], [])
    assert result.token_vectors.shape == (0, 32)
    assert result.block_summaries.shape == (0, 32)
    assert result.passage_vectors.tolist() == [[0.0] * 48]
    assert result.kept_blocks.shape == (2, 0, 8)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.95])
def test_cancel_stops_within_one_step(tiny_encoder, long_text, share):
    cancel = CancelToken()
    job = tiny_encoder.encode(long_text, [], [], cancel=cancel)
    for progress in job:
        if progress.done >= share * progress.total:
            cancel.cancel()
            break
    with pytest.raises(Cancelled):
        next(job)


def test_progress_rises_to_its_total(tiny_encoder, long_text):
    steps = list(tiny_encoder.encode(long_text, [], [], cancel=CancelToken()))
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert (done[-1], {step.total for step in steps}) == (1000, {1000})
    assert len(set(done)) > 20


def test_headings_are_read_as_a_list_of_their_own(tiny_encoder):
    headings = ["トルク", " ", "検査 の 記録", "12"]
    vectors, starts = read_headings(tiny_encoder, headings, CancelToken())
    # The mark before each is read, too, and keeps them apart.
    text = "## トルク\n##  \n## 検査 の 記録\n## 12\n"
    listed = encode(tiny_encoder, text)
    marks = {at for at, character in enumerate(text) if character == "#"}
    own = [row for row, (start, _) in enumerate(listed.token_spans) if start not in marks]
    np.testing.assert_array_equal(vectors, listed.token_vectors[own])
    counts = [len(tiny_encoder.tokenizer.tokenize(heading).ids) for heading in headings]
    assert np.diff(starts).tolist() == counts
    assert counts[1] == 0 and min(counts[0], *counts[2:]) > 0
    vectors, starts = read_headings(tiny_encoder, [], CancelToken())
    assert vectors.shape == (0, tiny_encoder.pack.config.token_width)
    assert (vectors.dtype, starts.tolist()) == (np.int8, [0])


def test_windows_join_to_one_encoding(tiny_pack, tiny_encoder, long_text):
    windowed = Encoder.load(tiny_pack, threads=1, window=16 * 50)
    tokens = tiny_encoder.tokenizer.tokenize(long_text)
    cut = int(tokens.spans[16 * 50, 0])
    spans = [(0, cut), (cut, len(long_text)), (cut - 40, cut + 40)]
    whole = encode(windowed, long_text, spans, [(0, 20)])
    check_attention(whole)
    blocks = -(-len(tokens.ids) // 16)
    assert whole.kept_blocks.shape == (2, blocks, 8)
    assert set(whole.kept_blocks[:, 50:].ravel().tolist()) - {-1} <= set(range(50, blocks))
    assert whole.kept_blocks[:, :50].max() == 49
    alone = encode(tiny_encoder, long_text[:cut], [(0, cut), (cut - 40, cut)], [])
    assert len(alone.token_vectors) == 16 * 50
    np.testing.assert_array_equal(whole.token_vectors[: 16 * 50], alone.token_vectors)
    np.testing.assert_array_equal(whole.block_summaries[:50], alone.block_summaries)
    np.testing.assert_allclose(whole.passage_vectors[0], alone.passage_vectors[0], atol=2e-3)
    crossing = whole.passage_vectors[2].astype(float)
    assert np.linalg.norm(crossing) == pytest.approx(1.0, abs=1e-3)
    assert 0.3 < crossing @ alone.passage_vectors[1].astype(float) < 0.999
    assert whole.fidelity.sampled == 2 * SAMPLE * -(-blocks // 50)
    done = [step.done for step in windowed.encode(long_text, [], [], cancel=CancelToken())]
    assert done == sorted(done)
    with pytest.raises(ValueError, match="multiple"):
        Encoder.load(tiny_pack, threads=1, window=17)


def test_a_question(tiny_encoder, tiny_checkpoint):
    text = "トルク は 12"
    query = tiny_encoder.encode_query(text)
    assert [text[a:b] for a, b in query.token_spans] == ["トルク", "は", "12"]
    assert query.token_vectors.dtype == query.vector.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(query.token_vectors, axis=1), 1.0, atol=1e-5)
    assert np.linalg.norm(query.vector) == pytest.approx(1.0, abs=1e-5)
    document = encode(tiny_encoder, text, [(0, len(text))])
    assert document.passage_vectors[0].astype(float) @ query.vector == pytest.approx(1, abs=2e-3)
    source = load_weights(tiny_checkpoint)
    exact = oracle.encode(source, tiny_encoder.tokenizer.tokenize(text).ids)
    counts, pointers, shares = oracle.question(source, exact.states)
    np.testing.assert_allclose(query.token_weights, counts, rtol=0.05, atol=0.02)
    np.testing.assert_allclose(query.pointer_weights, shares, atol=0.03)
    assert ((query.pointer_vectors * pointers).sum(axis=1) > 0.995).all()
    assert query.pointer_weights.sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("text", "code"), [(" ", "query_empty"), ("a" * 9000, "query_too_long")])
def test_a_question_that_cannot_be_asked(tiny_encoder, text, code):
    with pytest.raises(QueryError) as caught:
        tiny_encoder.encode_query(text)
    assert caught.value.code == code


def test_the_check_command_measures_the_pack(tiny_checkpoint, tiny_pack):
    figures = compare(tiny_checkpoint, tiny_pack.folder, ["トルク 12", "検査 の 記録", "torque"])
    assert 0.98 < figures["passage_cosine_min"] <= figures["passage_cosine_mean"] <= 1.001
    assert 0.98 < figures["token_cosine_p1"] <= figures["token_cosine_mean"] <= 1.001
