"""Words of the command line for the codes of the program: errors, stages, notes, problems."""

import re

from engine.errors import ChumokuError

STAGES = {
    "read": "reading",
    "index": "indexing",
    "encode": "analysing",
    "store": "storing",
    "check": "checking",
    "rebuild": "rebuilding",
    "evaluate": "asking",
    "bench": "measuring",
}

REASONS = {
    "file_missing": "the file does not exist",
    "file_denied": "no permission to read the file",
    "file_locked": "the file is locked by another program",
    "file_empty": "the file is empty",
    "file_broken": "the file is damaged",
    "file_encrypted": "the file is protected by a password",
    "file_too_large": "the file is over the size limit",
    "file_unsupported": "this kind of file cannot be read",
    "file_no_text": "no text was found in the file",
    "file_archive_bomb": "the file unpacks to far more than its size",
    "file_changed": "the file changed while it was read; add it again",
    "reader_timeout": "reading took too long and was stopped",
    "reader_memory": "reading took too much memory and was stopped",
    "reader_crashed": "the reader crashed on this file",
    "pack_missing": "no model pack is installed",
    "pack_broken": "the model pack is damaged",
    "pack_hash": "a file of the model pack is not what it should be",
    "pack_unsupported": "this version cannot use the model pack",
    "store_newer": "the library was written by a newer version of the program; install that",
    "store_broken": "the library is damaged; put back a backup of its folder",
    "store_full": "the disk of the library is full",
    "store_denied": "the library's folder cannot be used; choose another with --library",
    "store_busy": "another program is using the library",
    "document_not_analysed": "the document is not analysed yet; `chumoku add` goes on with it",
    "document_unknown": "there is no such document; `chumoku list` shows those there are",
    "evidence_unknown": "there is no such evidence record",
    "analysis_memory": "analysing took too much memory; close other programs and add it again",
    "internal_error": "this is a defect of the program",
    "query_empty": "the question is empty",
    "query_too_long": "the question is too long",
    "export_format": "the file name must end in .pdf, .docx, .html or .json",
    "export_denied": "the file cannot be written there, or another program has it open",
    "export_full": "the disk is full",
    "export_source_missing": "the original file is no longer in the library",
    "set_missing": "there is no such evaluation set, or it cannot be read",
    "set_broken": "the evaluation set cannot be used",
    "set_none_within": (
        "no question of the set has its answer within its documents of {tokens} tokens; "
        "a larger --tokens or another set helps"
    ),
    "training.architecture": "the weights are of another architecture: {name}",
    "training.broken_lesson": "a lesson cannot be read",
    "training.different_shapes": "the checkpoints differ in shape and have no mean",
    "training.few_pairs": "{pairs} pairs are too few for batches of {batch}",
    "training.no_corpus_file": "there is no corpus file {path}",
    "training.broken_corpus_file": "the corpus file {path} cannot be read: {reason}",
    "training.no_checkpoint": "there are no weights in {path}; run `{stage}` first",
    "training.busy": "another process runs `{stage}` in {path}",
    "training.broken_config": "the settings {path} cannot be read: {reason}",
    "training.broken_weights": "the weights in {path} cannot be read: {reason}",
    "training.wrong_value": "section {section}: {name} cannot be {value}",
    "training.wrong_start": "stage {stage} cannot start from {start}",
    "training.wrong_blend": "[blend] needs stages out of retrieve, long and tune, not: {stages}",
    "training.no_device": "PyTorch has no device {name} here",
    "training.no_documents": "the corpus has neither questions nor sections to train on",
    "training.no_tokenizer": "there is no tokenizer {path}; run `tokenizer` first",
    "training.few_vectors": (
        "{ready} of the teacher's vectors are in {path}, {needed} are needed; run `teacher` first"
    ),
    "training.no_lessons": "there are no lessons in {path}",
    "training.other_vectors": (
        "the vectors in {path} are of other sentences or teacher settings; run `teacher` again"
    ),
    "training.other_run": (
        "{path} holds a run with another {changed}; go on with what it was begun with, "
        "give another --work, or move that folder away to begin anew"
    ),
    "training.teacher_missing": "the teacher's package {package} is not installed",
    "training.unknown_run": (
        "{path} holds a run without a record of its settings; give another --work, "
        "or move that folder away to begin anew"
    ),
    "training.unknown_setting": "section {section} has no setting {names}",
}

NOTES = {
    "model_missing": "the model cannot run: exact words only",
    "quotes_ignored": "no passage holds the words in quotation marks; searched without the marks",
    "not_analysed": "documents not analysed yet, searched by exact words only: {}",
}

CHANGES = {
    "file_changed": "the file has changed: {}",
    "file_missing": "the file is missing: {}",
    "revision_newer": "there is a newer revision: {}",
    "revision_removed": "the document was removed: {}",
    "pack_changed": "the model pack has changed",
    "version_changed": "the program's version has changed",
    "result_changed": "the result has changed",
}

PROBLEMS = {
    "database_broken": "the database is damaged; go back to a backup of the library's folder",
    "search_broken": "the search index is damaged; `chumoku check --rebuild` mends it",
    "search_incomplete": "the search index is incomplete; `chumoku check --rebuild` mends it",
    "reference_broken": "the database is damaged in its table {}",
    "original_missing": "the copy of the original is missing: {}",
    "original_damaged": "the copy of the original is damaged: {}",
    "content_broken": "the stored text is damaged: {}",
    "encoding_broken": "the stored analysis is damaged: {}",
}

# What moves the cursor, ends the line or starts an escape sequence of the terminal.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """A name as it can be shown on one line: control characters as escapes."""
    return CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


def reason_text(code: str | None) -> str:
    """Words for an error code; the code itself where there are none."""
    return REASONS.get(code or "", shown(code or ""))


def code_text(table: dict[str, str], code: str) -> str:
    """Words for a code that may carry a value after a colon."""
    name, _, value = code.partition(":")
    return table[name].format(shown(value)) if name in table else shown(code)


def error_text(error: ChumokuError) -> str:
    """Words for an error; its details stand where the words name them, the others behind."""
    words, others = reason_text(error.code), []
    for key, value in error.details.items():
        said = reason_text(str(value)) if key == "reason" else shown(str(value))
        place = f"{{{key}}}"
        if place in words:
            words = words.replace(place, said)
        else:
            others.append(f"{key}: {said}")
    return f"{words} ({', '.join(others)})" if others else words
