"""What the viewer shows: a hit, a document, a sentence of a summary; and rendered pages."""

from collections import OrderedDict
from collections.abc import Sequence

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from app.i18n import Words
from app.jobs import JobHandle, JobRunner
from app.models.content import Content, PlacedMarks, place, prepare
from app.models.marks import Marks, marks_of
from app.models.results import file_name
from app.views.viewer_pane import ViewerPane
from engine.progress import CancelToken
from engine.records import DocumentInfo, Hit, RevisionId, Summary, SummarySentence
from engine.service import Library

KEPT_CONTENTS = 3


class ViewerController(QObject):
    """Loads originals and their pages off the GUI thread."""

    def __init__(self, library: Library, runner: JobRunner, words: Words, pane: ViewerPane) -> None:
        super().__init__()
        self._library = library
        self._runner = runner
        self._words = words
        self._pane = pane
        self._contents: OrderedDict[RevisionId, Content] = OrderedDict()
        self._wanted: list[int] = []
        self._rendering: JobHandle | None = None
        pane.pages_wanted.connect(self._on_pages_wanted)

    def show_hit(self, hit: Hit, hits: Sequence[Hit]) -> None:
        """Show where a hit stands, with the marks of all hits in that revision."""
        self._show(hit.revision_id, hit.path, marks_of(hits, hit.revision_id, hit))

    def show_document(self, info: DocumentInfo, hits: Sequence[Hit]) -> None:
        """Show a document from its beginning, with the marks of the hits in it."""
        if info.revision_id is not None:
            self._show(info.revision_id, info.path, marks_of(hits, info.revision_id, None))

    def show_summary(
        self, summary: Summary, path: str, sentence: SummarySentence | None = None
    ) -> None:
        """Show where the sentences of a summary stand, and go to one of them."""
        marks = Marks(
            attended=tuple((item.start, item.end, 0.35) for item in summary.sentences),
            passages=tuple((item.start, item.end) for item in summary.sentences),
            focus=(sentence.start, sentence.end) if sentence else None,
        )
        self._show(summary.revision_id, path, marks)

    def forget(self) -> None:
        """Drop what is kept of documents, as after one was removed."""
        self._contents.clear()

    def _show(self, revision_id: RevisionId, path: str, marks: Marks) -> None:
        known = self._contents.get(revision_id)
        if known is None:
            self._pane.show_busy(file_name(path))

        def work(_cancel: CancelToken) -> tuple[Content, PlacedMarks]:
            content = known
            if content is None:
                content = prepare(revision_id, path, self._library.content(revision_id))
            return content, place(content, marks)

        self._runner.submit(
            "view",
            work,
            key="show",
            on_finished=self._on_shown,
            on_failed=self._on_failed,
        )

    def _on_shown(self, shown: tuple[Content, PlacedMarks]) -> None:
        content, placed = shown
        self._contents[content.revision_id] = content
        self._contents.move_to_end(content.revision_id)
        while len(self._contents) > KEPT_CONTENTS:
            self._contents.popitem(last=False)
        if self._pane.content is not content:
            self._stop_rendering()
            self._pane.show_content(content)
        self._pane.show_marks(placed)

    def _on_failed(self, error: Exception) -> None:
        text = self._words.error(error)
        self._pane.show_nothing("viewer.failed_title", "viewer.failed_text", text=text)

    def _on_pages_wanted(self, pages: list[int], _scale: float) -> None:
        self._wanted = list(pages)
        if self._rendering is None:
            self._render_next()

    def _stop_rendering(self) -> None:
        self._wanted = []
        if self._rendering is not None:
            self._rendering.cancel()
            self._rendering = None

    def _render_next(self) -> None:
        content = self._pane.content
        if content is None or not self._wanted:
            return
        page = self._wanted.pop(0)
        pages = self._pane.pdf.pages
        scale = pages.scale_of(page)
        revision_id = content.revision_id
        job: JobHandle | None = None

        def work(cancel: CancelToken) -> QImage:
            rendering = self._library.render(revision_id, page, scale, cancel)
            size = (rendering.width, rendering.height, rendering.stride)
            # QImage borrows the bytes it is made from; the copy owns its own.
            return QImage(rendering.rgb, *size, QImage.Format.Format_RGB888).copy()

        def ended() -> None:
            if self._rendering is job:
                self._rendering = None
                self._render_next()

        def finished(image: QImage) -> None:
            if self._pane.content is content:
                pages.put_image(page, scale, image)

        def failed(_error: Exception) -> None:
            if self._pane.content is content:
                pages.put_image(page, scale, None)

        job = self._runner.submit(
            "view", work, on_finished=finished, on_failed=failed, on_ended=ended
        )
        self._rendering = job
