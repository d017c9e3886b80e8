"""What decides a stage's run, kept beside its state: no run goes on under other settings.

``run.json`` stands in the stage's folder before anything else of the run does. It holds a digest of
each part, so that a refusal can say which one differs.
"""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from engine.training.config import ConfigError, TrainingConfig
from engine.training.splits import Split

RECORD = "run.json"

# Sections of the configuration that a stage reads, besides those that every stage reads.
_SECTIONS = {
    "distill": (),
    "retrieve": ("distill",),
    "long": ("distill", "retrieve"),
    "tune": ("distill", "retrieve"),
}
_EVERY = ("model", "pairs", "split", "teacher")
_INTERVALS = ("log_every", "checkpoint_every", "evaluate_every")
_SHARED = ("seed", "tokenizer", "split")


class _Sink(Protocol):
    def update(self, data: bytes, /) -> None: ...


def _feed(sink: _Sink, value: Any) -> None:
    """Give a value of records, collections and texts to a digest, without ambiguity."""
    if isinstance(value, str):
        data = value.encode()
        sink.update(b"s%d:" % len(data) + data)
        return
    if is_dataclass(value):
        parts: list[Any] = [getattr(value, item.name) for item in fields(value)]
    elif isinstance(value, Mapping):
        parts = [part for key in sorted(value) for part in (key, value[key])]
    elif isinstance(value, Set):
        parts = sorted(value)
    elif isinstance(value, Sequence):
        parts = list(value)
    else:
        sink.update(f"{value!r};".encode())
        return
    sink.update(b"%d[" % len(parts))
    for part in parts:
        _feed(sink, part)


def _digest(value: Any) -> str:
    digest = sha256()
    _feed(digest, value)
    return digest.hexdigest()


def _settings(config: TrainingConfig, stage: str) -> dict[str, Any]:
    """The settings that decide a stage; ``compiled`` changes the speed and roundings alone."""
    every = asdict(config)
    chosen = {name: every[name] for name in (*_EVERY, *_SECTIONS[stage], stage)}
    own = {
        name: value
        for name, value in chosen[stage].pop("optim").items()
        if name not in ("steps", *_INTERVALS)
    }
    for name in _SECTIONS[stage]:
        optim = chosen[name].pop("optim")
        if name == "distill":
            # Parallel pairs of the later stages go on where distillation stopped.
            chosen["distilled_steps"] = optim["steps"]
    return chosen | {"optim": own}


def run_digests(
    config: TrainingConfig, stage: str, split: Split, inputs: Mapping[str, Path]
) -> dict[str, str]:
    """Digests of what decides a stage's run, by part.

    Args:
        config: Settings of the run. The stage's number of steps and the intervals of its log,
            checkpoints and figures may change while it runs.
        stage: ``"distill"``, ``"retrieve"``, ``"long"`` or ``"tune"``.
        split: The split corpus.
        inputs: Files that decide the run, by the name that a refusal calls them: ``"tokenizer"``,
            ``"start"`` (weights of an earlier stage), ``"rotation"`` (the turn that it found).

    Returns:
        SHA-256 in hexadecimal of ``seed``, ``settings``, ``split`` and each of the inputs.

    Raises:
        OSError: A file cannot be read.
    """
    digests = {
        "seed": _digest(config.seed),
        "settings": _digest(_settings(config, stage)),
        "split": _digest(split),
    }
    read = {name: sha256(path.read_bytes()).hexdigest() for name, path in inputs.items()}
    return digests | read


def _recorded(folder: Path) -> dict[str, str] | None:
    path = folder / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _refuse_others(folder: Path, wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    changed = [name for name, value in wanted.items() if found.get(name) != value]
    if changed:
        raise ConfigError("training.other_run", path=str(folder), changed=", ".join(changed))


def claim_run(folder: Path, digests: Mapping[str, str], before: Path | None = None) -> None:
    """Begin a run in a stage's folder, or make sure that it is this run that goes on there.

    Args:
        folder: The stage's folder; made if it is not there.
        digests: See :func:`run_digests`.
        before: Folder of the stage that this one starts from; what it has on record of the seed,
            the tokenizer, the split and the turn must be the same, or held-out texts would have
            been seen.

    Raises:
        ConfigError: The folder or the one before holds another run, or one that left no record. A
            run that was cut off before it left anything else is replaced.
        OSError: A file cannot be read or written.
    """
    if before is not None and (earlier := _recorded(before)) is not None:
        # Only the stages after retrieval have a turn.
        shared = [name for name in (*_SHARED, "rotation") if name in _SHARED or name in earlier]
        _refuse_others(before, {name: digests[name] for name in shared}, earlier)
    found = _recorded(folder)
    left = (folder / "state.pt").exists() or any(folder.glob("neighbours-*.json"))
    if found is None and left:
        raise ConfigError("training.unknown_run", path=str(folder))
    # Adopted weights leave a turn without a record: any turn serves a run that begins.
    if found is not None and (left or (folder / "rotation.npy").exists()):
        _refuse_others(folder, digests, found)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{RECORD}.new"
    temporary.write_text(json.dumps(dict(digests), indent=1), encoding="utf-8")
    temporary.replace(folder / RECORD)
