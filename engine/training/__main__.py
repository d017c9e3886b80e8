"""Command line of the training stages: ``python -m engine.training <stage> ...``."""

import argparse
import logging
import sys
from pathlib import Path

from engine.cli_text import error_text
from engine.training.config import ConfigError, TrainingConfig, load_config
from engine.training.corpus import read_pairs
from engine.training.lessons import LESSONS, read_lessons, split_lessons
from engine.training.runlog import RunLog

_DEFAULT_CONFIG = Path(__file__).parent / "configs" / "base.toml"


def _tokenizer(config: TrainingConfig, corpus: Path, work: Path) -> None:
    from engine.training.tokenizer import sample_texts, train_tokenizer

    log = RunLog(work / "curves.jsonl", "tokenizer")
    texts = sample_texts(corpus, config.pairs, config.tokenizer, config.seed)
    tokenizer = train_tokenizer(texts, config.model.vocabulary, config.tokenizer.rare)
    work.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(work / "tokenizer.json"))
    log.write("done", pieces=tokenizer.get_vocab_size())


def _teacher(config: TrainingConfig, corpus: Path, work: Path) -> None:
    from engine.training.teacher import fill_cache, load_teacher

    log = RunLog(work / "curves.jsonl", "teacher")
    dev, train = read_pairs(corpus, config.pairs, config.seed)
    sentences = [pair.english for pair in dev + train]
    embed = load_teacher(config.teacher, work / "teacher")
    fill_cache(sentences, embed, work / "teacher", config.teacher, log)


def _distill(config: TrainingConfig, corpus: Path, work: Path) -> None:
    from engine.training.distill import distill

    distill(config, corpus, work)


def _retrieve(config: TrainingConfig, corpus: Path, work: Path) -> None:
    from engine.training.retrieve import retrieve

    retrieve(config, corpus, work)


def _long(config: TrainingConfig, corpus: Path, work: Path) -> None:
    from engine.training.long_stage import train_long

    train_long(config, corpus, work)


def _adopt(config: TrainingConfig, corpus: Path, work: Path, weights: Path) -> None:
    from engine.training.adopt import adopt

    adopt(config, corpus, work, weights)


def _tune(config: TrainingConfig, corpus: Path, work: Path, lessons: Path) -> None:
    from engine.training.teacher import load_teacher
    from engine.training.tune import tune

    tune(config, corpus, work, lessons, load_teacher(config.teacher, work / "teacher"))


def _blend(work: Path, weights: list[Path], nats: float) -> None:
    from engine.training.blend import blend

    blend(work, weights, nats)


def _lexicon(config: TrainingConfig, corpus: Path, work: Path, lessons: Path) -> None:
    from engine.training.associations import learn_associations
    from engine.training.lexicon import entry_count, learn, lexicon_pairs, write_lexicon

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


_STAGES = {
    "tokenizer": (_tokenizer, "train the tokenizer"),
    "teacher": (_teacher, "cache the teacher's sentence vectors (may run ahead of distill)"),
    "distill": (_distill, "distil the teacher into the bilingual encoder"),
    "retrieve": (_retrieve, "train the distilled encoder for retrieval"),
    "long": (_long, "train it on long documents, sparse attention against its dense twin"),
}
_ADOPT = "start from published weights in place of the stages before 'tune' and 'long'"
_LEXICON = "learn the bilingual lexicon of the search by words"
_TUNE = "train on lessons of a field, beside the corpus"
_BLEND = "average checkpoints, and deepen the windows of their heads"


def _common(stage: argparse.ArgumentParser) -> None:
    stage.add_argument("--corpus", type=Path, required=True, help="folder of the corpus")
    stage.add_argument("--work", type=Path, required=True, help="folder of the run")
    stage.add_argument("--config", type=Path, default=_DEFAULT_CONFIG, help="TOML settings")


def main(arguments: list[str] | None = None) -> None:
    """Run one stage; a stage that was cut off goes on where its last checkpoint stands.

    Raises:
        SystemExit: With words of one line, when settings, corpus or earlier files cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    stages = parser.add_subparsers(dest="stage", required=True)
    for name, (_, description) in _STAGES.items():
        stage = stages.add_parser(name, help=description, description=description)
        _common(stage)
    published = stages.add_parser("adopt", help=_ADOPT, description=_ADOPT)
    _common(published)
    published.add_argument("--weights", type=Path, required=True, help="folder of a checkpoint")
    for name, description in (("tune", _TUNE), ("lexicon", _LEXICON)):
        taught = stages.add_parser(name, help=description, description=description)
        _common(taught)
        taught.add_argument("--lessons", type=Path, default=LESSONS, help="folder of the lessons")
    blended = stages.add_parser("blend", help=_BLEND, description=_BLEND)
    blended.add_argument("--work", type=Path, required=True, help="folder of the run")
    blended.add_argument("--weights", type=Path, nargs="+", required=True, help="checkpoints")
    blended.add_argument("--deepen", type=float, default=0.0, help="nats, see window.py")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        _run(chosen)
    except ConfigError as error:
        sys.exit(error_text(error))


def _run(chosen: argparse.Namespace) -> None:
    if chosen.stage == "blend":
        _blend(chosen.work, chosen.weights, chosen.deepen)
        return
    config = load_config(chosen.config)
    if chosen.stage == "adopt":
        _adopt(config, chosen.corpus, chosen.work, chosen.weights)
    elif chosen.stage == "tune":
        _tune(config, chosen.corpus, chosen.work, chosen.lessons)
    elif chosen.stage == "lexicon":
        _lexicon(config, chosen.corpus, chosen.work, chosen.lessons)
    else:
        _STAGES[chosen.stage][0](config, chosen.corpus, chosen.work)


if __name__ == "__main__":
    main()
