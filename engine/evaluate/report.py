"""Every figure of a pack beside its target.

``python -m engine.evaluate.report --corpus DIR --config FILE --pack DIR --out FILE.json`` writes
the development sets, measures the pack on them, on the questions about the sample documents and on
highlights, summaries and long documents, and writes the figures as JSON with the Markdown table of
the model card; given the checkpoint, it measures what int8 loses, too. The file is written anew
after each part, so that a stopped run keeps what it has.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.cli_progress import run_with_progress
from engine.cli_words import error_text
from engine.errors import Cancelled, ChumokuError
from engine.evaluate import highlights, long_documents, precision, summaries
from engine.evaluate.evaluation import MemorySet, SetResult, evaluate
from engine.evaluate.figures import Figure, markdown
from engine.evaluate.set_rows import FILES, SetQuestion
from engine.evaluate.sets import EvaluationSet, open_set
from engine.evaluate.splits import WHOLE, write_sets
from engine.evaluate.targets import (
    english_figures,
    heading_figures,
    jaquad_figures,
    lesson_figures,
    pack_figures,
    parallel_figures,
    paraphrase_figures,
    similarity_figures,
    whole_figures,
)
from engine.model.encoder import Encoder
from engine.model.pack import load_pack
from engine.training.config import load_config
from engine.training.lessons import LESSONS, read_lessons, split_lessons
from engine.training.splits import Split, read_split
from engine.training.weights import TrainedWeights, load_weights

# Questions of a retrieval set: the interval is then about 3 points wide each way.
MOST_QUESTIONS = 600

_SETS: Mapping[str, Callable[[SetResult], list[Figure]]] = {
    "parallel": parallel_figures,
    "jsts": similarity_figures,
    "jaquad": jaquad_figures,
    "headings_en_ja": heading_figures,
    "sections_en_ja": heading_figures,
    "paths_en_ja": heading_figures,
    "headings_ja_en": heading_figures,
    f"{WHOLE}/same_language": whole_figures,
    f"{WHOLE}/lessons": lesson_figures,
    "qmsum": english_figures,
    "fairytales": english_figures,
}
_ALL = ("parallel", "jsts", f"{WHOLE}/lessons")
_EXACT = ("parallel", "jsts", "jaquad", "headings_en_ja", "fairytales")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the parts of the report measure and with what.

    Attributes:
        encoder: The pack, loaded.
        split: The split of the corpus.
        sets: Folder of the development sets.
        paraphrases: Questions about the sample documents in other words.
        samples: Folder of the sample documents.
        most: At most so many questions or documents of each part; None for the usual number.
        checkpoint: The float32 weights that the pack was made from; None if they are not here.
    """

    encoder: Encoder
    split: Split
    sets: Path
    paraphrases: Path
    samples: Path
    most: int | None
    checkpoint: TrainedWeights | None = None


Measure = Callable[[Inputs], list[Figure]]


def parts() -> dict[str, Measure]:
    """The parts of the report by name, in its order."""
    return {
        **{Path(name).name: _of_set(name) for name in _SETS},
        "paraphrases": _paraphrases,
        "highlights": lambda have: highlights.measure(have.split, have.encoder, most=have.most),
        "summaries": lambda have: summaries.measure(have.split, have.encoder, most=have.most),
        "long_documents": _long_documents,
        "precision": _precision,
    }


def _of_set(name: str) -> Measure:
    def measure(inputs: Inputs) -> list[Figure]:
        found = open_set(inputs.sets / f"{name}.jsonl")
        return _SETS[name](_evaluated(found, inputs, _most(name, inputs)))

    return measure


def _evaluated(found: EvaluationSet | MemorySet, inputs: Inputs, most: int | None) -> SetResult:
    return run_with_progress(lambda cancel: evaluate(found, inputs.encoder, cancel, most=most))


def _long_documents(inputs: Inputs) -> list[Figure]:
    return run_with_progress(
        lambda cancel: long_documents.report(
            inputs.encoder, inputs.split, most=inputs.most, cancel=cancel
        )
    )


def _precision(inputs: Inputs) -> list[Figure]:
    checkpoint = inputs.checkpoint
    if checkpoint is None:
        return []
    exact = precision.exact_encoder(inputs.encoder, checkpoint)
    figures: list[Figure] = []
    for name in _EXACT:
        found, most = open_set(inputs.sets / f"{name}.jsonl"), _most(name, inputs)
        figures += run_with_progress(
            lambda cancel, found=found, most=most: precision.measure(
                found, inputs.encoder, exact, most, cancel
            )
        )
    return figures


def _most(name: str, inputs: Inputs) -> int | None:
    return inputs.most or (None if name in _ALL else MOST_QUESTIONS)


def _paraphrases(inputs: Inputs) -> list[Figure]:
    if not inputs.paraphrases.is_file():
        return []
    found = open_set(inputs.paraphrases, inputs.samples)
    rows = tuple(
        replace(row, kind=row.split) if isinstance(row, SetQuestion) else row
        for row in found.rows()
    )
    held = MemorySet(found.name, FILES, found.path, rows)
    return paraphrase_figures(_evaluated(held, inputs, inputs.most))


def merged(measured: Iterable[Figure], given: Iterable[Figure]) -> list[Figure]:
    """Figures measured now and those given of other names."""
    found = {one.name: one for one in given}
    fresh = list(measured)
    return [*fresh, *(one for name, one in found.items() if name not in {f.name for f in fresh})]


def write_report(
    path: Path, encoder: Encoder, figures: Sequence[Figure], seconds: Mapping[str, float]
) -> None:
    """Write the figures whole or not at all; engine/evaluate/README.md describes the file."""
    pack = encoder.pack
    held: dict[str, Any] = {
        "pack": {"name": pack.name, "revision": pack.revision, "hash": pack.pack_hash},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "figures": [one.as_json() for one in figures],
        "table": markdown(figures),
    }
    part = path.with_name(path.name + ".part")
    text = json.dumps(held, ensure_ascii=False, indent=1) + "\n"
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)


def read_figures(path: Path) -> list[Figure]:
    """Figures of a report, or of a bare list of them.

    Raises:
        ValueError: It holds none.
    """
    held = json.loads(path.read_text(encoding="utf-8"))
    rows = held.get("figures") if isinstance(held, dict) else held
    if not isinstance(rows, list):
        raise ValueError(f"{path} holds no list of figures")
    return [Figure.from_json(row) for row in rows]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.evaluate.report", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the training corpus")
    parser.add_argument("--config", type=Path, required=True, help="the training's settings (TOML)")
    parser.add_argument("--pack", type=Path, required=True, help="folder of the pack")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the figures")
    parser.add_argument("--sets", type=Path, help="write the development sets here and keep them")
    parser.add_argument("--lessons", type=Path, default=LESSONS, help="folder of the lessons")
    parser.add_argument("--samples", type=Path, default=Path("resources/samples/files"))
    parser.add_argument("--paraphrases", type=Path, default=Path("tests/data/paraphrases.jsonl"))
    parser.add_argument("--most", type=int, help="at most so many questions of each part")
    parser.add_argument(
        "--checkpoint", type=Path, help="float32 weights of the pack, to measure what int8 loses"
    )
    parser.add_argument("--only", nargs="+", choices=list(parts()), help="only these parts")
    parser.add_argument(
        "--figures", type=Path, nargs="+", default=[], help="figures measured elsewhere, or before"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and write the file; gives the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.out.parent.is_dir():
        parser.error(f"there is no folder {options.out.parent}")
    given = [one for path in options.figures for one in read_figures(path)]
    try:
        encoder = Encoder.load(load_pack(options.pack))
        config = load_config(options.config)
        split = read_split(options.corpus, config.pairs, config.split, config.seed)
        with tempfile.TemporaryDirectory() as temporary:
            sets = options.sets or Path(temporary)
            held, _ = split_lessons(read_lessons(options.lessons), config.tune.held)
            write_sets(split, held, sets)
            inputs = Inputs(
                encoder,
                split,
                sets,
                options.paraphrases,
                options.samples,
                options.most,
                load_weights(options.checkpoint) if options.checkpoint else None,
            )
            figures = _measure_all(inputs, options.only or list(parts()), given, options.out)
    except ChumokuError as error:
        sys.stderr.write(f"{error_text(error)}\n")
        return 1
    except (Cancelled, KeyboardInterrupt):
        sys.stderr.write("stopped\n")
        return 130
    sys.stdout.write(markdown(figures))
    return 0


def _measure_all(
    inputs: Inputs, names: Sequence[str], given: Sequence[Figure], out: Path
) -> list[Figure]:
    measured = pack_figures(inputs.encoder.pack)
    seconds: dict[str, float] = {}
    for name, measure in parts().items():
        if name not in names:
            continue
        began = time.perf_counter()
        measured += measure(inputs)
        seconds[name] = time.perf_counter() - began
        sys.stderr.write(f"{name}: {seconds[name]:.0f} s\n")
        write_report(out, inputs.encoder, merged(measured, given), seconds)
    return merged(measured, given)


if __name__ == "__main__":
    sys.exit(main())
