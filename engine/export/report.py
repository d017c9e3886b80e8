"""What every export shows, whatever its format."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from engine.errors import ExportError
from engine.export.marks import Quotation, clean, quote
from engine.export.source import ExportSource, Language
from engine.export.words import translate
from engine.progress import CancelToken
from engine.records import Evidence, Hit, Parts, Place, RevisionId, SourceFile, SummarySentence

SENTENCE_WEIGHT = 0.6
_TESTED = ("before", "after", "control")


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage or a sentence of a summary.

    Attributes:
        label: Such as ``"順位 1"``.
        highlights: ``(start, end, weight)`` into the document's text.
        facts: ``(label, value)`` lines that belong to it.
        comment: The same in one text, for a note on the page.
    """

    rank: int
    label: str
    revision_id: RevisionId
    start: int
    end: int
    place: Place
    heading_path: tuple[str, ...]
    highlights: tuple[tuple[int, int, float], ...]
    quotation: Quotation
    facts: tuple[tuple[str, str], ...]
    comment: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything to be shown.

    Attributes:
        facts: ``(label, value)`` lines on the answer as a whole.
        entries: Passages or sentences, in order.
        sources: Where they stand, by revision, in order of first use.
    """

    language: Language
    title: str
    heading: str
    facts: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]
    sources: Mapping[RevisionId, ExportSource]

    def say(self, code: str, **values: str | int | float) -> str:
        """Words in the report's language."""
        return translate(self.language, code, **values)


def build_report(
    evidence: Evidence,
    source_of: Callable[[RevisionId], ExportSource],
    language: Language,
    now: datetime,
    cancel: CancelToken,
) -> Report:
    """Collect what is shown of an answer.

    Raises:
        ExportError: ``export_source_missing``.
        Cancelled: ``cancel`` was set.
    """
    say = partial(translate, language)
    infos = {source.revision_id: source for source in evidence.sources}
    found = evidence.hits if evidence.summary is None else evidence.summary.sentences
    sources: dict[RevisionId, ExportSource] = {}
    entries = []
    for number, item in enumerate(found, 1):
        cancel.check()
        revision_id = item.revision_id if isinstance(item, Hit) else _summarised(evidence)
        if revision_id not in infos:
            raise ExportError("export_source_missing", path=getattr(item, "path", ""))
        if revision_id not in sources:
            sources[revision_id] = source_of(revision_id)
        entries.append(_entry(evidence, item, number, revision_id, sources[revision_id], say))
    if evidence.summary is not None and not entries:
        sources[_summarised(evidence)] = source_of(_summarised(evidence))
    kind = "summary" if evidence.summary is not None else "search"
    return Report(
        language=language,
        title=say(f"title_{kind}"),
        heading=say("sentences" if kind == "summary" else "passages"),
        facts=_facts(evidence, now, say),
        entries=tuple(entries),
        sources=sources,
    )


def score_text(value: float | None, none: str) -> str:
    """A score as it is printed, three digits after the point."""
    return none if value is None else f"{value:.3f}"


def source_facts(info: SourceFile, say: Callable[..., str]) -> list[tuple[str, str]]:
    """The lines that name a file as it was."""
    return [
        (say("file"), clean(info.path)),
        (say("revision"), str(info.revision)),
        (say("sha256"), info.sha256),
    ]


def file_name(info: SourceFile) -> str:
    """The file's name without its folder, whichever system wrote the path."""
    return clean(info.path).replace("\\", "/").rsplit("/", 1)[-1]


def place_text(place: Place, say: Callable[..., str]) -> str:
    """Where something stands, in words."""
    words = []
    if place.sheet is not None:
        words.append(say("sheet", sheet=clean(place.sheet)))
    elif place.page is not None:
        words.append(say("page", page=place.page))
    if place.cell is not None:
        words.append(say("cell", cell=place.cell))
    if place.entity is not None:
        words.append(say("entity", entity=place.entity))
    return " ".join(words) or say("none")


def _summarised(evidence: Evidence) -> RevisionId:
    assert evidence.summary is not None
    return evidence.summary.revision_id


def _facts(
    evidence: Evidence, now: datetime, say: Callable[..., str]
) -> tuple[tuple[str, str], ...]:
    facts = [
        (say("query"), clean(evidence.query or "") or say("none")),
        (say("created"), _moment(evidence.created)),
        (say("exported"), f"{now:%Y-%m-%d %H:%M:%S %z}".strip()),
        (say("pack"), evidence.pack_hash or say("no_pack")),
        (say("evidence"), str(evidence.evidence_id)),
        (say("version"), evidence.version),
    ]
    if evidence.summary is not None:
        facts.append((say("coverage"), f"{evidence.summary.coverage:.0%}"))
    return tuple(facts)


def _moment(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S %z}".strip()
    except ValueError:
        return clean(text)


def _entry(
    evidence: Evidence,
    item: Hit | SummarySentence,
    number: int,
    revision_id: RevisionId,
    source: ExportSource,
    say: Callable[..., str],
) -> Entry:
    none = say("none")
    facts = [(say("place"), place_text(item.place, say)), (say("score"), f"{item.score:.3f}")]
    if isinstance(item, Hit):
        rank, label = item.rank, say("rank", rank=item.rank)
        headings, highlights, terms = item.heading_path, item.highlights, item.terms
        facts.append((say("parts"), _parts(item.parts, say, none)))
        if item.named:
            facts.append((say("named"), clean(" / ".join(item.named))))
        if item.related_words:
            facts.append((say("related"), clean(" / ".join(item.related_words))))
        test = evidence.deletion.get(item.rank)
        if test is not None:
            numbers = {key: f"{getattr(test, key):.3f}" for key in _TESTED}
            text = say("deletion_text", removed=test.removed, **numbers)
            if test.headings is not None:
                text += say("headings_text", headings=f"{test.headings:.3f}")
            facts.append((say("deletion"), text))
    else:
        rank, label, headings, terms = number, say("number", rank=number), (), ()
        highlights = ((item.start, item.end, SENTENCE_WEIGHT),)
    comment = "\n".join([label, *(f"{name}: {value}" for name, value in facts)])
    return Entry(
        rank=rank,
        label=label,
        revision_id=revision_id,
        start=item.start,
        end=item.end,
        place=item.place,
        heading_path=tuple(map(clean, headings)),
        highlights=tuple(highlights),
        quotation=quote(source.document, item.start, item.end, highlights, terms),
        facts=(*source_facts(source.info, say), *facts),
        comment=comment,
    )


def _parts(parts: Parts, say: Callable[..., str], none: str) -> str:
    names = ("lexical", "dense", "attention", *(("answer",) if parts.answer is not None else ()))
    return " / ".join(f"{say(name)} {score_text(getattr(parts, name), none)}" for name in names)
