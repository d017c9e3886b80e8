"""Code points and UTF-16 units."""

from PySide6.QtGui import QTextCursor, QTextDocument

from app.text_offsets import TextOffsets

TEXT = "部品𠮷野A🔩端"


def test_characters_of_the_basic_plane_keep_their_positions():
    offsets = TextOffsets("締付トルク 12 N·m")
    assert [offsets.to_units(i) for i in range(12)] == list(range(12))
    assert offsets.units == offsets.code_points


def test_a_character_beyond_the_basic_plane_takes_two_units():
    offsets = TextOffsets(TEXT)
    assert [offsets.to_units(i) for i in range(len(TEXT) + 1)] == [0, 1, 2, 4, 5, 6, 8, 9]
    assert offsets.units == len(TEXT.encode("utf-16-le")) // 2


def test_both_directions_agree_and_half_a_pair_belongs_to_its_character():
    offsets = TextOffsets(TEXT)
    for position in range(len(TEXT) + 1):
        assert offsets.to_code_points(offsets.to_units(position)) == position
    assert offsets.to_code_points(3) == 2
    assert offsets.to_code_points(7) == 5


def test_qt_selects_the_same_characters(qapp):
    document = QTextDocument(TEXT)
    offsets = TextOffsets(TEXT)
    cursor = QTextCursor(document)
    cursor.setPosition(offsets.to_units(3))
    cursor.setPosition(offsets.to_units(6), QTextCursor.MoveMode.KeepAnchor)
    assert cursor.selectedText() == TEXT[3:6]


def test_a_lone_surrogate_does_not_stop_the_conversion():
    offsets = TextOffsets("a\ud800𠮷b")
    assert offsets.to_units(4) == 5
