import json
import sqlite3
from dataclasses import fields, replace

import numpy as np
import pytest

from engine.errors import StoreError
from engine.records import Encoding, Fidelity


def test_an_encoding_comes_back_bit_for_bit(store, add, encoding):
    document_id, revision_id, _ = add(store, "a.txt", "一\n二")
    saved = encoding(2)
    saved.block_summaries[0, 0] = np.nan
    store.save_encoding(revision_id, saved)
    loaded = store.encoding(revision_id)
    assert loaded is not None
    for field in fields(Encoding):
        expected, got = getattr(saved, field.name), getattr(loaded, field.name)
        if isinstance(expected, np.ndarray):
            assert got.dtype == expected.dtype and not got.flags.writeable
            np.testing.assert_array_equal(got, expected)
        else:
            assert got == expected
    info = store.document(document_id)
    assert (info.status, info.tokens) == ("analysed", 130)
    assert store.fidelity(revision_id) == saved.fidelity
    assert store.current_scope()[0].encoder_hash == "pack-1"


def test_parts_load_alone(store, add, encoding):
    _, revision_id, _ = add(store, "a.txt", "一\n二")
    names = ["kept_mass", "passage_vectors"]
    assert store.encoding_arrays(revision_id, names) == {} and store.fidelity(revision_id) is None
    store.save_encoding(revision_id, encoding(2))
    arrays = store.encoding_arrays(revision_id, names)
    assert sorted(arrays) == names
    assert arrays["passage_vectors"].shape == (2, 384)
    assert arrays["passage_vectors"].dtype == np.float16


def write_fidelity(store, text):
    """As another version of the program would have written it."""
    connection = sqlite3.connect(store.folder / "library.db")
    connection.execute("UPDATE encodings SET fidelity = ?", (text,))
    connection.commit()
    connection.close()


def test_fidelity_that_another_version_measured(store, add, encoding):
    _, revision_id, _ = add(store, "a.txt", "一\n二")
    store.save_encoding(revision_id, encoding(2))
    earlier = {
        "recall_mean": 0.97, "recall_p5": 0.9, "output_error": 0.03, "sampled": 12, "density": 0.25,
    }  # fmt: skip
    for written in (earlier, {**earlier, "of_a_later_version": 1.0}):
        write_fidelity(store, json.dumps(written))
        found = store.fidelity(revision_id)
        assert found == Fidelity(**earlier)
        assert (found.passage_cosine, found.top10_overlap) == (None, None)
        assert store.encoding(revision_id).fidelity == found
    write_fidelity(store, "{}")
    with pytest.raises(StoreError, match="store_broken"):
        store.fidelity(revision_id)


def test_a_figure_that_was_not_measured_stays_absent(store, add, encoding):
    _, revision_id, _ = add(store, "a.txt", "一\n二")
    made = encoding(2)
    short = replace(made.fidelity, top10_overlap=None)
    store.save_encoding(revision_id, replace(made, fidelity=short))
    assert store.fidelity(revision_id) == short


def test_another_pack_replaces_it(store, add, encoding):
    _, revision_id, _ = add(store, "a.txt", "一")
    store.save_encoding(revision_id, encoding(1))
    assert store.pending("pack-1") == [] and store.pending("pack-2") == [revision_id]
    assert store.pending() == []
    store.save_encoding(revision_id, encoding(1, "pack-2", 70))
    loaded = store.encoding(revision_id)
    assert loaded is not None and loaded.encoder_hash == "pack-2" and len(loaded.token_spans) == 70
    assert store.pending("pack-2") == []


def test_a_document_that_was_removed_while_it_was_analysed(store, add, encoding):
    document_id, revision_id, _ = add(store, "a.txt", "一")
    store.claim(revision_id)
    store.remove(document_id)
    with pytest.raises(StoreError, match="document_unknown"):
        store.save_encoding(revision_id, encoding(1))
    assert store.encoding(revision_id) is None


def test_arrays_of_other_types_are_refused(store, add, encoding):
    _, revision_id, _ = add(store, "a.txt", "一")
    with pytest.raises(ValueError, match="coding"):
        store.save_encoding(revision_id, replace(encoding(1), kept_mass=np.array([object()])))
    assert store.revision(revision_id).status == "read"
