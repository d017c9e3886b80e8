"""Command line of the training stages: ``python -m engine.training <stage> ...``."""

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from engine.cli_words import error_text
from engine.training.adopt import adopt
from engine.training.blend import blend
from engine.training.config import ConfigError, TrainingConfig, load_config
from engine.training.device import training_device
from engine.training.distill import distill
from engine.training.lessons import LESSONS
from engine.training.long_stage import train_long
from engine.training.recipe import cache_teacher, make_lexicon, make_tokenizer, run_all
from engine.training.retrieve import retrieve
from engine.training.teacher import Embed, load_teacher
from engine.training.tune import tune

_DEFAULT_CONFIG = Path(__file__).parent / "configs" / "base.toml"
_PLAIN = {
    "tokenizer": make_tokenizer,
    "distill": distill,
    "retrieve": retrieve,
    "long": train_long,
}
# Stages whose files a command writes, besides its own.
_TOUCHED = {
    "all": {*_PLAIN, "teacher", "tune", "lexicon", "blend"},
    "adopt": {"tokenizer", "retrieve"},
}
_TAUGHT = ("all", "tune", "lexicon")
_HELP = {
    "all": "run every stage that follows, and blend; a run that was cut off goes on",
    "tokenizer": "train the tokenizer",
    "teacher": "cache the teacher's sentence vectors (may run ahead of distill)",
    "distill": "distil the teacher into the bilingual encoder",
    "retrieve": "train the distilled encoder for retrieval",
    "long": "train it on long documents, sparse attention against its dense twin",
    "tune": "train on lessons of a field, beside the corpus",
    "lexicon": "learn the bilingual lexicon of the search by words",
    "adopt": "start from published weights in place of the stages up to 'retrieve'",
}
_BLEND = "average checkpoints, and deepen the windows of their heads"


@contextmanager
def _alone(stage: str, work: Path) -> Iterator[None]:
    """Keep other processes from running the same stage in the same folder meanwhile."""
    work.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        for name in sorted(_TOUCHED.get(stage, {stage})):
            try:
                held.enter_context(FileLock(work / f".{name}.lock", timeout=0))
            except Timeout as error:
                raise ConfigError("training.busy", stage=name, path=str(work)) from error
        yield


def _teacher(config: TrainingConfig, work: Path) -> Embed:
    return load_teacher(config.teacher, work / "teacher", training_device(config.device))


def _run(chosen: argparse.Namespace) -> None:
    work: Path = chosen.work
    if chosen.stage == "blend":
        blend(work, chosen.weights, chosen.deepen)
        return
    corpus: Path = chosen.corpus
    config = load_config(chosen.config)
    match chosen.stage:
        case "all":
            run_all(config, corpus, work, chosen.lessons, _teacher(config, work))
        case "teacher":
            cache_teacher(config, corpus, work, _teacher(config, work))
        case "tune":
            tune(config, corpus, work, chosen.lessons, _teacher(config, work))
        case "lexicon":
            make_lexicon(config, corpus, work, chosen.lessons)
        case "adopt":
            adopt(config, corpus, work, chosen.weights)
        case plain:
            _PLAIN[plain](config, corpus, work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    stages = parser.add_subparsers(dest="stage", required=True)
    for name, description in _HELP.items():
        stage = stages.add_parser(name, help=description, description=description)
        stage.add_argument("--corpus", type=Path, required=True, help="folder of the corpus")
        stage.add_argument("--work", type=Path, required=True, help="folder of the run")
        stage.add_argument("--config", type=Path, default=_DEFAULT_CONFIG, help="TOML settings")
        if name in _TAUGHT:
            stage.add_argument("--lessons", type=Path, default=LESSONS, help="folder of lessons")
        if name == "adopt":
            stage.add_argument("--weights", type=Path, required=True, help="checkpoint's folder")
    blended = stages.add_parser("blend", help=_BLEND, description=_BLEND)
    blended.add_argument("--work", type=Path, required=True, help="folder of the run")
    blended.add_argument("--weights", type=Path, nargs="+", required=True, help="checkpoints")
    blended.add_argument("--deepen", type=float, default=0.0, help="nats, see window.py")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Run one stage or all of them; what was cut off goes on where its last checkpoint stands.

    Raises:
        SystemExit: With words of one line, when settings, corpus or earlier files cannot be used,
            or when it is stopped from the keyboard.
    """
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(message)s")
    # Progress of this package, not what libraries think aloud.
    logging.getLogger("engine").setLevel(logging.INFO)
    try:
        with _alone(chosen.stage, chosen.work):
            _run(chosen)
    except ConfigError as error:
        sys.exit(error_text(error))
    except OSError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; a stage goes on from its last checkpoint when it is run again")


if __name__ == "__main__":
    main()
