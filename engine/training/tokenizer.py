"""Training of the tokenizer: one unigram vocabulary over Japanese and English."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from engine.training.config import PairsConfig, TokenizerConfig
from engine.training.corpus import iterate_documents, iterate_questions, read_pairs

PAD, UNKNOWN = "<pad>", "<unk>"
BYTES = [f"<0x{value:02X}>" for value in range(256)]

# Runs of one script, words, digit runs, then single other characters. White space is dropped
# instead of being marked: the same Latin word then has the same pieces after a space and between
# kana, as it stands in Japanese technical text.
_PIECE = (
    r"\p{Katakana}[\p{Katakana}ー]*|ー+|\p{Hiragana}[\p{Hiragana}ー]*|[\p{Han}々]+"
    r"|\p{N}+|[\p{L}\p{M}&&[^\p{Katakana}\p{Hiragana}\p{Han}ー々]]+|[^\s\p{L}\p{M}\p{N}]"
)


def _untrained(model: models.Unigram) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [normalizers.NFKC(), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(_PIECE), "isolated")]
    )
    return tokenizer


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, rare: int, *, progress: bool = False
) -> Tokenizer:
    """Train a unigram tokenizer with byte fallback.

    Args:
        texts: Training text, both languages mixed.
        vocabulary: Most pieces in all, the 256 bytes and the two special tokens included.
        rare: Characters seen fewer times than this are left to the bytes.
        progress: Show the trainer's progress bar.

    Returns:
        A tokenizer with ``<pad>`` = 0, ``<unk>`` = 1 and no post-processing; its offsets are
        code points of the original text.

    Source:
        Kudo 2018, "Subword Regularization" (unigram language model).
    """
    texts = list(texts)
    tokenizer = _untrained(models.Unigram())
    normalizer = tokenizer.normalizer
    assert normalizer is not None
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    dropped = {ord(character): " " for character, count in counts.items() if count < rare}
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary - len(BYTES),
        special_tokens=[PAD, UNKNOWN],
        unk_token=UNKNOWN,
        max_piece_length=12,
        shrinking_factor=0.7,
        show_progress=progress,
    )
    tokenizer.train_from_iterator((text.translate(dropped) for text in texts), trainer)
    pieces = json.loads(tokenizer.to_str())["model"]["vocab"]
    worst = min(score for _, score in pieces)
    pieces += [[token, worst - 10.0] for token in BYTES]
    return _untrained(models.Unigram([(p, s) for p, s in pieces], unk_id=1, byte_fallback=True))


def sample_texts(
    corpus: Path, pairs: PairsConfig, config: TokenizerConfig, seed: int
) -> Iterator[str]:
    """Yield the tokenizer's training text, sampled from every source of both languages."""
    _, train = read_pairs(corpus, pairs, seed)
    for pair in train[: config.pairs]:
        yield pair.english
        yield pair.japanese
    for language in ("ja", "en"):
        chosen = random.Random(seed)
        sections = (
            section.text[:400]
            for document in iterate_documents(corpus, language)
            for section in document
            if chosen.random() < 0.3
        )
        yield from islice(sections, config.sections)
        contexts = dict.fromkeys(item.context for item in iterate_questions(corpus, language))
        for context in islice(contexts, config.contexts):
            yield context[:1000]
