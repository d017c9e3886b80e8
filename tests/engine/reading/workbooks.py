"""Cells of workbooks that tests make, and what was read of them."""

from engine.passages.passages import split_passages


def texts(document, kind="row"):
    return [document.text[u.start : u.end] for u in document.units if u.kind == kind]


def cells(document, text):
    """Cells of the unit that has a text, by name."""
    unit = next(u for u in document.units if document.text[u.start : u.end] == text)
    return {name: document.text[start:end] for start, end, name in unit.cells}


def paths(document):
    """Headings above each passage, without the sheet's name."""
    return {document.text[p.start : p.end]: p.heading_path[1:] for p in split_passages(document)}


def grid(first_row, *rows, column=0):
    """Cells by name of rows one below another."""
    return {
        f"{chr(65 + column + across)}{first_row + down}": value
        for down, row in enumerate(rows)
        for across, value in enumerate(row)
        if value is not None
    }
