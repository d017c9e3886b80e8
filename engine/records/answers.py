"""What is asked and what is answered."""

from dataclasses import dataclass

from engine.records.documents import DocumentId, EvidenceId, Place, RevisionId, Span


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a score, each in 0..1, None where that part could not run.

    Attributes:
        answer: Share of what speaks for an answer in the best passages, where the question asks for
            a phrase; None where it asks for none, and for tables, drawings and passages in another
            language, of which nothing is known.
    """

    lexical: float | None
    dense: float | None
    attention: float | None
    answer: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found.

    Attributes:
        highlights: ``(start, end, weight)`` spans into the document's text, weight in 0..1: the
            phrases likeliest to answer the question or, where it asks for none, what its tokens
            attended to.
        terms: Spans of exact matches of the question's words.
        related: Spans of words that often answer those of the question and that counted here.
        named: What the file's name holds of the question's words, and numbers of the question that
            its document, section or sheet goes by.
    """

    rank: int
    document_id: DocumentId
    revision_id: RevisionId
    path: str
    start: int
    end: int
    text: str
    heading_path: tuple[str, ...]
    place: Place
    score: float
    parts: Parts
    highlights: tuple[tuple[int, int, float], ...]
    terms: tuple[Span, ...] = ()
    related: tuple[Span, ...] = ()
    named: tuple[str, ...] = ()

    @property
    def related_words(self) -> tuple[str, ...]:
        """What stands at ``related``, each once."""
        shift = self.start
        return tuple(dict.fromkeys(self.text[a - shift : b - shift] for a, b in self.related))


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Everything that decides the result of a search besides library and pack."""

    top: int = 10
    documents: tuple[DocumentId, ...] = ()
    use_lexical: bool = True
    use_dense: bool = True
    use_attention: bool = True


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits of one question, best first; ties broken by revision and position."""

    evidence_id: EvidenceId
    query: str
    hits: tuple[Hit, ...]
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SummarySentence:
    """A sentence of a summary, word for word from the document."""

    start: int
    end: int
    text: str
    place: Place
    score: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Sentences in the order of the document.

    ``coverage`` is the share of the document's passages whose meaning is close to a chosen
    sentence, 0..1.
    """

    evidence_id: EvidenceId
    document_id: DocumentId
    revision_id: RevisionId
    query: str | None
    sentences: tuple[SummarySentence, ...]
    coverage: float
    seconds: float
