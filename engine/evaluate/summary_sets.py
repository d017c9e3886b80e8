"""Measures summaries on a set of documents with what people wrote."""

from engine.evaluate.collection import Rows, spread
from engine.evaluate.results import STAGE, Group
from engine.evaluate.retrieval import estimates
from engine.evaluate.set_documents import Model, lay_out
from engine.evaluate.set_rows import SetError, SetSummary
from engine.evaluate.summary_tasks import ORDERS, Scores, Way, leading, product, read_task, score
from engine.progress import CancelToken, Job, Progress
from engine.reading.supervisor import ReaderProcess

PRODUCT, LEAD = "product", "lead"
WAYS: dict[str, Way] = {PRODUCT: product, LEAD: leading}


def measure_summaries(
    found: Rows, encoder: Model, cancel: CancelToken, most: int | None
) -> Job[tuple[Group, int]]:
    """ROUGE of the product's summaries, beside the first sentences of each document.

    A summary has at most as many characters as the one that a person wrote.

    Args:
        found: A set of kind ``summary``.
        encoder: The pack, loaded.
        cancel: Stops the work.
        most: At most so many documents, evenly taken; all if None.

    Returns:
        The figures by way, ``rouge-1`` and ``rouge-2`` (F1 in 0..1), and how many sentences the
        documents have in all.

    Yields:
        ``Progress("evaluate", summaries done, summaries, name of the set)``.

    Raises:
        SetError: ``set_broken``: there are no summaries, or a document has no sentences.
        engine.errors.ReadingError: A file cannot be read.
        engine.errors.Cancelled: ``cancel`` was set.
    """
    rows = spread([row for row in found.rows() if isinstance(row, SetSummary)], most)
    if not rows:
        raise _wrong(found, 1, "there are no summaries")
    values: dict[str, Scores] = {way: {n: [] for n in ORDERS} for way in WAYS}
    sentences = 0
    with ReaderProcess() as reader:
        for done, row in enumerate(rows, start=1):
            cancel.check()
            if row.document.file is not None:
                document = yield from reader.read(row.document.file, cancel)
            else:
                document, _ = lay_out(row.document)
            task = yield from read_task(encoder, document, row.reference, row.question, cancel)
            if not task.sentences:
                raise _wrong(found, row.document.line, "the document has no sentences")
            sentences += len(task.sentences)
            for way, held in score([(task, len(row.reference))], WAYS).items():
                for n in ORDERS:
                    values[way][n] += held[n]
            yield Progress(STAGE, done, len(rows), found.name)
    ways = {way: estimates({f"rouge-{n}": held[n] for n in ORDERS}) for way, held in values.items()}
    return Group("", len(rows), ways, {}), sentences


def _wrong(found: Rows, line: int, reason: str) -> SetError:
    return SetError("set_broken", path=str(found.path), line=line, reason=reason)
