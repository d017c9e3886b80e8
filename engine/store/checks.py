"""Health of the library, and rebuilding of its search index."""

from collections.abc import Callable

from engine.errors import StoreError
from engine.progress import CancelToken, Job, Progress
from engine.records import CheckReport, RevisionId
from engine.store.documents import Documents
from engine.store.encodings import Encodings
from engine.store.faults import translated
from engine.store.keys import from_column
from engine.store.originals import file_hash
from engine.store.passages import Passages, insert_terms
from engine.store.terms import TermIndex

TermsOf = Callable[[str, tuple[str, ...]], list[str]]


class Checks(Documents, Passages, Encodings):
    """The part of :class:`engine.store.Store` about its health."""

    def check(self, *, deep: bool = False, cancel: CancelToken | None = None) -> Job[CheckReport]:
        """Check the whole library; reads everything, changes nothing.

        Problems are codes: ``database_broken``, ``search_broken``, ``search_incomplete`` (both
        mended by :meth:`rebuild_search`), ``reference_broken:TABLE``, ``original_missing:PATH``,
        ``original_damaged:PATH``, ``content_broken:PATH``, ``encoding_broken:PATH``.

        Args:
            deep: Also compare the hash of every original, not only its size.
            cancel: Stops the check.

        Raises:
            Cancelled: ``cancel`` was set.
            StoreError: ``store_busy``, ``store_denied``.
        """
        cancel = cancel or CancelToken()
        yield Progress("check", 0, None)
        problems = self._database_problems()
        cancel.check()
        rows = self._all(
            """SELECT r.id, d.path, r.sha256, r.size FROM revisions r
            JOIN documents d ON d.id = r.document_id ORDER BY r.id"""
        )
        for i, (revision_id, column, sha256, size) in enumerate(rows):
            cancel.check()
            path = from_column(column)
            yield Progress("check", i, len(rows), path)
            problems += self._revision_problems(revision_id, path, sha256, size, deep)
        yield Progress("check", len(rows), len(rows))
        return CheckReport(
            ok=not problems,
            problems=tuple(problems),
            documents=self._count("documents WHERE removed IS NULL"),
            passages=self._count("passages"),
            rebuilt=False,
        )

    def rebuild_search(self, terms_of: TermsOf, cancel: CancelToken | None = None) -> Job[int]:
        """Build the search index again from the stored texts.

        The index is replaced in one transaction at the end: stopped before, it is as it was.
        A revision whose text is damaged stays out of the index.

        Args:
            terms_of: Terms of a passage, from its text and the headings above it.
            cancel: Stops the work.

        Returns:
            Number of passages in the index.

        Raises:
            Cancelled: ``cancel`` was set.
            StoreError: ``store_busy``, ``store_full``, ``store_denied``, ``store_broken``.
        """
        cancel = cancel or CancelToken()
        revisions = [RevisionId(row[0]) for row in self._all("SELECT id FROM revisions")]
        made: dict[int, TermIndex] = {}
        for i, revision_id in enumerate(revisions):
            cancel.check()
            yield Progress("rebuild", i, len(revisions))
            made[revision_id] = self._terms(revision_id, terms_of)
        yield Progress("rebuild", len(revisions), len(revisions))
        with self._database.transaction() as writer:
            schema = writer.execute(
                "SELECT sql FROM sqlite_master WHERE name = 'passages_fts'"
            ).fetchone()[0]
            writer.execute("DROP TABLE passages_fts")
            writer.execute(schema)
            writer.execute("DELETE FROM passage_terms")
            for (revision_id,) in writer.execute("SELECT id FROM revisions").fetchall():
                cancel.check()
                index = made.pop(revision_id, None) or self._terms(revision_id, terms_of)
                insert_terms(writer, revision_id, self.passage_ids(revision_id).start, index)
            return writer.execute("SELECT count(*) FROM passages").fetchone()[0]

    def _terms(self, revision_id: RevisionId, terms_of: TermsOf) -> TermIndex:
        try:
            text, passages = self.text(revision_id), self.passages(revision_id)
        except StoreError as error:
            _expect_broken(error)
            count = self._one("SELECT count(*) FROM passages WHERE revision_id = ?", (revision_id,))
            return TermIndex.of([()] * count[0])
        return TermIndex.of(terms_of(text[p.start : p.end], p.heading_path) for p in passages)

    def _database_problems(self) -> list[str]:
        problems = []
        try:
            if self._one("PRAGMA integrity_check(1)")[0] != "ok":
                problems.append("database_broken")
            broken = {row[0] for row in self._all("PRAGMA foreign_key_check")}
            problems += [f"reference_broken:{table}" for table in sorted(broken)]
        except StoreError as error:
            _expect_broken(error)
            problems.append("database_broken")
        try:
            with self._database.transaction() as writer:
                writer.execute("INSERT INTO passages_fts(passages_fts) VALUES ('integrity-check')")
            if self._one(
                """SELECT 1 FROM passages p LEFT JOIN passages_fts_docsize s ON s.id = p.id
                WHERE s.id IS NULL UNION ALL
                SELECT 1 FROM passages_fts_docsize s LEFT JOIN passages p ON p.id = s.id
                WHERE p.id IS NULL LIMIT 1"""
            ):
                problems.append("search_incomplete")
        except StoreError as error:
            _expect_broken(error)
            problems.append("search_broken")
        return problems

    def _revision_problems(
        self, revision_id: int, path: str, sha256: str, size: int, deep: bool
    ) -> list[str]:
        problems = []
        original = self._originals.path(sha256)
        with translated(self._originals.folder):
            if not original.is_file():
                problems.append(f"original_missing:{path}")
            elif original.stat().st_size != size or (deep and file_hash(original) != sha256):
                problems.append(f"original_damaged:{path}")
        try:
            length = len(self.content(RevisionId(revision_id)).text)
            if any(passage.end > length for passage in self.passages(RevisionId(revision_id))):
                problems.append(f"content_broken:{path}")
        except StoreError as error:
            _expect_broken(error)
            problems.append(f"content_broken:{path}")
        try:
            self.encoding(RevisionId(revision_id))
        except StoreError as error:
            _expect_broken(error)
            problems.append(f"encoding_broken:{path}")
        return problems

    def _count(self, table: str) -> int:
        return self._one(f"SELECT count(*) FROM {table}")[0]


def _expect_broken(error: StoreError) -> None:
    if error.code not in ("store_broken", "document_unknown"):
        raise error
