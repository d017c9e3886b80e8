"""The whole recipe: every stage in its order, from the corpus to a checkpoint that can be exported.

A stage that is done is passed over, one that was cut off goes on; so the command can be given again
until it comes to its end.
"""

import shutil
from pathlib import Path

from engine.training.associations import learn_associations
from engine.training.blend import blend
from engine.training.config import ConfigError, TrainingConfig
from engine.training.corpus import read_pairs
from engine.training.device import training_device
from engine.training.distill import distill
from engine.training.lessons import read_lessons, split_lessons
from engine.training.lexicon import entry_count, learn, lexicon_pairs, write_lexicon
from engine.training.long_stage import train_long
from engine.training.retrieve import retrieve
from engine.training.runlog import RunLog
from engine.training.stage import checkpoint_folder, require_start, split_of
from engine.training.teacher import Embed, fill_cache
from engine.training.tokenizer import sample_texts, train_tokenizer
from engine.training.tune import tune


def make_tokenizer(config: TrainingConfig, corpus: Path, work: Path) -> None:
    """Train the tokenizer and write ``work/tokenizer.json``.

    Raises:
        ConfigError: The corpus cannot be used.
        OSError: The file cannot be written.
    """
    log = RunLog(work / "curves.jsonl", "tokenizer")
    log.write("reading")
    texts = list(sample_texts(corpus, config.pairs, config.tokenizer, config.seed))
    log.write("start", texts=len(texts), pieces=config.model.vocabulary)
    vocabulary, rare = config.model.vocabulary, config.tokenizer.rare
    tokenizer = train_tokenizer(texts, vocabulary, rare, progress=True)
    work.mkdir(parents=True, exist_ok=True)
    temporary = work / "tokenizer.json.new"
    tokenizer.save(str(temporary))
    temporary.replace(work / "tokenizer.json")
    log.write("done", pieces=tokenizer.get_vocab_size())


def cache_teacher(config: TrainingConfig, corpus: Path, work: Path, embed: Embed) -> None:
    """Fill ``work/teacher`` with the vectors of the English side of all pairs.

    Raises:
        ConfigError: The corpus cannot be used.
        OSError: A file cannot be read or written.
    """
    log = RunLog(work / "curves.jsonl", "teacher")
    log.write("reading")
    dev, train = read_pairs(corpus, config.pairs, config.seed)
    sentences = [pair.english for pair in dev + train]
    fill_cache(sentences, embed, work / "teacher", config.teacher, log)


def make_lexicon(config: TrainingConfig, corpus: Path, work: Path, lessons: Path) -> None:
    """Learn translations and associations and write ``work/lexicon.json``.

    Raises:
        ConfigError: The corpus or the lessons cannot be used.
        OSError: The file cannot be written.
    """
    log = RunLog(work / "curves.jsonl", "lexicon")
    _, train = split_lessons(read_lessons(lessons), config.tune.held)
    taught = [lesson for some in train for lesson in some]
    told = [pair for lesson in taught for pair in lesson.pairs()]
    pairs = lexicon_pairs(corpus, config.lexicon, config.pairs.tag, config.seed, told)
    lexicon = learn(pairs, config.lexicon, log.write)
    associated = learn_associations(taught, config.lexicon)
    lexicon["surfaces"] = associated["surfaces"] | lexicon["surfaces"]
    lexicon["associations"] = associated["associations"]
    size = write_lexicon(lexicon, work / "lexicon.json")
    log.write("done", entries=entry_count(lexicon), bytes=size)


def _check(config: TrainingConfig, corpus: Path, lessons: Path) -> None:
    """Find what would stop the recipe hours from now."""
    training_device(config.device)
    require_start("long", config.long.start)
    require_start("tune", config.tune.start)
    unknown = set(config.blend.stages) - {"retrieve", "long", "tune"}
    if unknown or not config.blend.stages:
        raise ConfigError("training.wrong_blend", stages=", ".join(config.blend.stages))
    read_lessons(lessons)
    split = split_of(config, corpus)
    if not any([*split.questions.values(), *split.documents.values()]):
        raise ConfigError("training.no_documents")


def run_all(config: TrainingConfig, corpus: Path, work: Path, lessons: Path, embed: Embed) -> Path:
    """Run the recipe, or go on with it.

    Args:
        config: Settings of the run.
        corpus: Folder of the corpus.
        work: Folder of the run. A tokenizer and a lexicon that stand there are kept, whatever they
            were made of.
        lessons: Folder of the lessons.
        embed: The teacher.

    Returns:
        The folder of the checkpoint, ready for ``engine.training.export``.

    Raises:
        ConfigError: The corpus or the lessons cannot be used, or the folder holds another run.
        OSError: A file cannot be read or written.
    """
    _check(config, corpus, lessons)
    if not (work / "tokenizer.json").exists():
        make_tokenizer(config, corpus, work)
    cache_teacher(config, corpus, work, embed)
    distill(config, corpus, work)
    retrieve(config, corpus, work)
    train_long(config, corpus, work)
    tune(config, corpus, work, lessons, embed)
    if not (work / "lexicon.json").exists():
        make_lexicon(config, corpus, work, lessons)
    folders = [checkpoint_folder(work, stage) for stage in config.blend.stages]
    made = blend(work, folders, config.blend.deepen)
    shutil.copyfile(work / "lexicon.json", made / "lexicon.json")
    return made
