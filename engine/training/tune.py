"""Further training on lessons of a field, without forgetting what was learned before."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import product
from pathlib import Path

import torch
from tokenizers import Tokenizer

from engine.training.checkpoint import load_checkpoint
from engine.training.config import TrainingConfig
from engine.training.contexts import training_documents
from engine.training.figures import development_figures, found_first, write_figures
from engine.training.lessons import LANGUAGES, Lesson, lesson_documents, read_lessons, split_lessons
from engine.training.loop import Losses, train_loop
from engine.training.losses import RetrievalLoss
from engine.training.mining import mine_neighbours, read_neighbours, write_neighbours
from engine.training.model import Encoder
from engine.training.packing import SHARES, ContextPacker
from engine.training.retrieve import ParallelTask, SimilarityTask
from engine.training.stage import begin, checkpoint_folder
from engine.training.teacher import Embed, fill_cache


def lesson_figures(
    encoder: Encoder, tokenizer: Tokenizer, files: Sequence[Sequence[Lesson]], longest: int
) -> dict[str, float]:
    """How often the questions of held-out lessons find their passage among those of all.

    Figures are named after the question's language, the passage's, and whether the question avoids
    the passage's words.
    """
    lessons = [lesson for some in files for lesson in some]
    asked = [
        (place, language, "other_words" if item.other_words else "plain", text)
        for place, lesson in enumerate(lessons)
        for item in lesson.questions
        for language, text in item.asked.items()
    ]
    questions = [text for _, _, _, text in asked]
    targets = torch.tensor([place for place, _, _, _ in asked])
    figures: dict[str, float] = {"lessons": len(lessons)}
    for shown in LANGUAGES:
        passages = [lesson.text(shown) for lesson in lessons]
        found = found_first(encoder, tokenizer, questions, passages, targets, longest)
        for language, words in product(LANGUAGES, ("plain", "other_words")):
            rows = [row for row, one in enumerate(asked) if one[1:3] == (language, words)]
            for way, first in found.items():
                name = f"lessons_{words}_{language}_{shown}_{way}_r1"
                figures[name] = float(first[rows].float().mean())
    return figures


def tune(
    config: TrainingConfig,
    corpus: Path,
    work: Path,
    lessons: Path,
    embed: Embed,
    stop_after: int | None = None,
) -> None:
    """Run or resume the stage, from what the stage ``config.tune.start`` left.

    Lessons and the corpus take turns: contexts of both stand in a batch, parallel pairs come of one
    and the other by turns. The result is ``work/tune/checkpoint``; the development figures and
    those of the held-out lessons go to ``work/figures.json``.

    Args:
        config: Settings of the run.
        corpus: Folder of the corpus.
        work: Folder of the run.
        lessons: Folder of the lessons.
        embed: The teacher.
        stop_after: As in :func:`engine.training.loop.train_loop`.

    Raises:
        ConfigError: The lessons cannot be used, the folder holds a run of other settings, or what
            it needs is not there.
        OSError: A file cannot be read or written.
    """
    settings = config.tune
    stage = begin(config, corpus, work, "tune", settings.start)
    folder, log, split, tokenizer = stage.folder, stage.log, stage.split, stage.tokenizer
    seed = config.seed + 2  # Other batches than those of the stages before.
    rehearsed = replace(config.retrieve, contexts=settings.contexts, parallel=settings.parallel)
    stage.cache.require(len(split.dev_pairs) + settings.parallel)
    held, train = split_lessons(read_lessons(lessons), settings.held)
    pairs = [pair for some in train for lesson in some for pair in lesson.pairs()]
    # Of these lessons and no others: a run may go on with more of them.
    digest = sha256("\n".join(pair.english for pair in pairs).encode()).hexdigest()[:12]
    english = [pair.english for pair in pairs]
    cache = fill_cache(english, embed, folder / f"lessons-{digest}", config.teacher, log)
    encoder = stage.place(load_checkpoint(checkpoint_folder(work, settings.start)))
    taught = lesson_documents(train)
    longest = {"ja": rehearsed.japanese, "en": rehearsed.english}
    documents = training_documents(split, rehearsed.documents, longest) | taught
    shares = {name: share * (1 - settings.share) for name, share in SHARES.items()}
    shares |= dict.fromkeys(taught, settings.share / len(taught))
    packer = ContextPacker(documents, tokenizer, rehearsed, seed, shares)
    neighbours = folder / f"neighbours-{digest}.json"
    if not neighbours.exists():
        encoder.eval()
        asked = [document for some in taught.values() for document in some]
        log.write("mining", documents=len(asked))
        write_neighbours(neighbours, mine_neighbours(encoder, tokenizer, asked, rehearsed))
    packer.use_neighbours(read_neighbours(neighbours))
    rotation = stage.rotation()
    seeded = replace(config, seed=seed, retrieve=rehearsed)
    general = ParallelTask(encoder, tokenizer, split, stage.cache, rotation, seeded)
    only = replace(split, dev_pairs=[], pairs=pairs, skipped=frozenset())
    special = ParallelTask(encoder, tokenizer, only, cache, rotation, seeded)
    similar = SimilarityTask(encoder, tokenizer, split.similarity, rehearsed, seed)
    questions = RetrievalLoss(encoder, rehearsed)

    def losses(step: int) -> tuple[Losses, int]:
        found, tokens = questions(packer.batch(step))
        extra, more = (general, special)[step % 2](step // 2)
        found |= {name: rehearsed.parallel_weight * value for name, value in extra.items()}
        tokens += more
        if similar.enough and step % settings.similarity_every == settings.similarity_every - 1:
            extra, more = similar(step // settings.similarity_every)
            found, tokens = found | extra, tokens + more
        return found, tokens

    def evaluate() -> dict[str, float]:
        vectors = general.vectors(0, len(split.dev_pairs))
        figures = development_figures(encoder, tokenizer, split, vectors, config)
        if any(held):
            figures |= lesson_figures(encoder, tokenizer, held, rehearsed.passage_tokens)
        write_figures(work / "figures.json", figures)
        return figures

    log.write("start", lessons=sum(map(len, train)), pairs=len(pairs), steps=settings.optim.steps)
    train_loop(encoder, settings.optim, losses, evaluate, stage, stop_after)
