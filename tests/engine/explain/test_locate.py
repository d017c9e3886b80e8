import numpy as np
import pytest

from engine.explain.locate import locate
from engine.records import Document, DocumentKind, Page, Unit


def document(text, pages, units=(), boxes=None, kind: DocumentKind = "pdf"):
    return Document(kind, "t", text, tuple(pages), tuple(units), boxes, "0" * 64, len(text))


def boxes_of(text, lines):
    """Boxes 10 wide and 12 high; ``lines`` maps a start to ``(x, y)``."""
    made = np.full((len(text), 4), np.nan, np.float32)
    for start, end, x, y in lines:
        for position in range(start, end):
            left = x + 10 * (position - start)
            made[position] = (left, y, left + 10, y + 12)
    return made


def test_span_over_two_lines_gets_one_box_a_line():
    text = "締付トルクは\n12 N·mとする"
    made = boxes_of(text, [(0, 6, 50, 100), (7, 15, 50, 120)])
    place = locate(document(text, [Page(1, 0, len(text), 595, 842)], boxes=made), 2, 9)
    assert place.page == 1
    assert place.boxes == ((1, 70.0, 100.0, 110.0, 112.0), (1, 50.0, 120.0, 70.0, 132.0))


def test_space_without_a_box_does_not_cut_a_line():
    text = "ab cd"
    made = boxes_of(text, [(0, 5, 0, 0)])
    made[2] = np.nan
    place = locate(document(text, [Page(1, 0, 5, 100, 100)], boxes=made), 0, 5)
    assert place.boxes == ((1, 0.0, 0.0, 50.0, 12.0),)


def test_rotated_text_is_one_box():
    text = "ABCDE"
    made = np.array([[300, 500 - 10 * i, 312, 510 - 10 * i] for i in range(5)], np.float32)
    place = locate(document(text, [Page(1, 0, 5, 595, 842)], boxes=made), 0, 5)
    assert place.boxes == ((1, 300.0, 460.0, 312.0, 510.0),)


def test_two_rotated_columns_are_two_boxes():
    made = np.array(
        [[300, 500 - 10 * i, 312, 510 - 10 * i] for i in range(3)]
        + [[320, 500 - 10 * i, 332, 510 - 10 * i] for i in range(3)],
        np.float32,
    )
    place = locate(document("ABCDEF", [Page(1, 0, 6, 595, 842)], boxes=made), 0, 6)
    assert place.boxes == ((1, 300.0, 480.0, 312.0, 510.0), (1, 320.0, 480.0, 332.0, 510.0))


def test_columns_of_a_page_are_not_joined():
    made = boxes_of("ABCD", [(0, 2, 50, 100), (2, 4, 320, 100)])
    place = locate(document("ABCD", [Page(1, 0, 4, 595, 842)], boxes=made), 0, 4)
    assert len(place.boxes) == 2


def test_span_over_a_page_break_names_both_pages():
    text = "ab\ncd"
    pages = [Page(1, 0, 2, 595, 842), Page(2, 3, 5, 595, 842)]
    made = boxes_of(text, [(0, 2, 10, 800), (3, 5, 10, 20)])
    place = locate(document(text, pages, boxes=made), 0, 5)
    assert place.page == 1
    assert [box[0] for box in place.boxes] == [1, 2]
    assert locate(document(text, pages, boxes=made), 3, 5).page == 2


@pytest.mark.parametrize(
    ("start", "end", "cell"), [(0, 2, "A5"), (4, 6, "C5"), (0, 6, "A5:C5"), (2, 5, "B5:C5")]
)
def test_row_span_names_its_cells(start, end, cell):
    unit = Unit(
        0, 6, "row", sheet="検査", cell="A5:C5", cells=((0, 2, "A5"), (2, 4, "B5"), (4, 6, "C5"))
    )
    place = locate(document("aabbcc", [Page(1, 0, 6)], [unit], kind="sheet"), start, end)
    assert (place.page, place.sheet, place.cell, place.boxes) == (None, "検査", cell, ())


def test_span_over_rows_is_a_range():
    units = [
        Unit(0, 2, "row", sheet="S", cells=((0, 1, "A1"), (1, 2, "B1"))),
        Unit(3, 5, "row", sheet="S", cells=((3, 4, "A2"), (4, 5, "B2"))),
    ]
    place = locate(document("ab\ncd", [Page(1, 0, 5)], units, kind="sheet"), 0, 5)
    assert place.cell == "A1:B2"


def test_word_table_cell_keeps_its_own_notation():
    unit = Unit(0, 4, "row", cells=((0, 2, "T1R2C1"), (2, 4, "T1R2C2")))
    made = document("aabb", [Page(1, 0, 4)], [unit], kind="word")
    assert locate(made, 2, 4).cell == "T1R2C2"
    assert locate(made, 0, 4).cell == "T1R2C1"


def test_drawing_entity_is_named_with_the_unit_box():
    units = [
        Unit(0, 3, "note", page=1, box=(10, 10, 40, 20), entity="2F", layer="NOTE"),
        Unit(4, 7, "dimension", page=1, box=(50, 50, 80, 60), entity="3A", layer="DIM"),
    ]
    place = locate(document("abc\ndef", [Page(1, 0, 7, 420, 297)], units, kind="dxf"), 4, 6)
    assert place.entity == "3A"
    assert place.boxes == ((1, 50.0, 50.0, 80.0, 60.0),)


def test_text_without_geometry_has_no_page():
    place = locate(document("abc", [Page(1, 0, 3)], kind="text"), 0, 3)
    assert (place.page, place.boxes, place.sheet, place.cell, place.entity) == (
        None, (), None, None, None,
    )  # fmt: skip


def test_label_before_a_value_does_not_mark_its_row():
    boxes = np.full((8, 4), np.nan, np.float32)
    boxes[4:] = [[20 + 10 * at, 5, 30 + 10 * at, 15] for at in range(4)]
    unit = Unit(0, 8, "row", page=1, box=(20.0, 5.0, 60.0, 15.0))
    made = document("項目: 24.5", [Page(1, 0, 8, 595, 842)], [unit], boxes)
    assert locate(made, 4, 8).boxes == ((1, 20.0, 5.0, 60.0, 15.0),)
    label = locate(made, 0, 2)
    assert (label.boxes, label.page) == ((), 1)
