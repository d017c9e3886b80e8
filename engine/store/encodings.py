"""What the encoder made of revisions."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields

import numpy as np

from engine.errors import StoreError
from engine.records import Encoding, Fidelity, RevisionId
from engine.store import codec
from engine.store.base import Part
from engine.store.database import now

ARRAYS = (
    "token_spans",
    "token_vectors",
    "block_summaries",
    "passage_vectors",
    "sentence_vectors",
    "heading_vectors",
    "heading_starts",
    "kept_blocks",
    "kept_mass",
)


class Encodings(Part):
    """The part of :class:`engine.store.Store` about encodings."""

    def save_encoding(self, revision_id: RevisionId, encoding: Encoding) -> None:
        """Keep what the encoder made of a revision, in place of an earlier one.

        The revision becomes ``analysed``; on return that is on the disk.

        Raises:
            StoreError: ``document_unknown``: it was removed meanwhile; ``store_full``,
                ``store_busy``, ``store_denied``, ``store_broken``.
        """
        arrays = [(name, *codec.pack_array(getattr(encoding, name))) for name in ARRAYS]
        with self._database.transaction() as writer:
            known = writer.execute(
                """UPDATE revisions SET status = 'analysed', owner = NULL, reason = NULL,
                details = '{}', tokens = ?, seconds = ? WHERE id = ?""",
                (len(encoding.token_spans), encoding.seconds, revision_id),
            )
            if known.rowcount == 0:
                raise StoreError("document_unknown", revision_id=revision_id)
            writer.execute("DELETE FROM encodings WHERE revision_id = ?", (revision_id,))
            writer.execute(
                "INSERT INTO encodings VALUES (?, ?, ?, ?, ?, ?)",
                (
                    revision_id,
                    encoding.encoder_hash,
                    encoding.block,
                    _write_fidelity(encoding.fidelity),
                    encoding.seconds,
                    now(),
                ),
            )
            writer.executemany(
                "INSERT INTO encoding_arrays VALUES (?, ?, ?, ?)",
                ((revision_id, name, header, data) for name, header, data in arrays),
            )

    def encoding(self, revision_id: RevisionId) -> Encoding | None:
        """What the encoder made of a revision; None if it has not been analysed.

        Raises:
            StoreError: ``store_broken``.
        """
        with self._database.snapshot():
            head = self._head(revision_id)
            if head is None:
                return None
            arrays = self.encoding_arrays(revision_id, ARRAYS)
        with self._decoding(revision_id):
            return Encoding(
                encoder_hash=head[0],
                block=head[1],
                fidelity=_read_fidelity(head[2]),
                seconds=head[3],
                **{name: arrays[name] for name in ARRAYS},
            )

    def encoding_arrays(
        self, revision_id: RevisionId, names: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Some arrays of an encoding by their names in :class:`Encoding`, without the others.

        Returns:
            Nothing if the revision has not been analysed.

        Raises:
            StoreError: ``store_broken``.
        """
        marks = ",".join("?" * len(names))
        rows = self._all(
            f"""SELECT name, header, data FROM encoding_arrays
            WHERE revision_id = ? AND name IN ({marks})""",
            (revision_id, *names),
        )
        with self._decoding(revision_id):
            return {name: codec.unpack_array(header, data) for name, header, data in rows}

    def encoder_hash(self, revision_id: RevisionId) -> str | None:
        """Identity of the encoder that analysed a revision; None if not analysed."""
        head = self._head(revision_id)
        return head[0] if head else None

    def block(self, revision_id: RevisionId) -> int:
        """Tokens per block of a revision's encoding.

        Raises:
            StoreError: ``document_unknown``: it has not been analysed.
        """
        head = self._head(revision_id)
        if head is None:
            raise StoreError("document_unknown", revision_id=revision_id)
        return head[1]

    def fidelity(self, revision_id: RevisionId) -> Fidelity | None:
        """Sampled fidelity of a revision's analysis; None if not analysed.

        Raises:
            StoreError: ``store_broken``.
        """
        head = self._head(revision_id)
        if head is None:
            return None
        with self._decoding(revision_id):
            return _read_fidelity(head[2])

    def _head(self, revision_id: RevisionId) -> tuple[str, int, str, float] | None:
        return self._one(
            "SELECT encoder_hash, block, fidelity, seconds FROM encodings WHERE revision_id = ?",
            (revision_id,),
        )


def _write_fidelity(fidelity: Fidelity) -> str:
    """A JSON object without the figures that were not measured."""
    return json.dumps({k: v for k, v in asdict(fidelity).items() if v is not None})


def _read_fidelity(text: str) -> Fidelity:
    """An analysis of an earlier version lacks figures, one of a later version may have others."""
    known = {item.name for item in fields(Fidelity)}
    return Fidelity(**{k: v for k, v in json.loads(text).items() if k in known})
