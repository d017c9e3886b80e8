import pytest

from engine.reading.limits import Limits
from engine.reading.registry import read


def make(tmp_path, name, text, encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return read(path, Limits())


def units(document):
    return [(u.kind, u.level, document.text[u.start : u.end]) for u in document.units]


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "utf-16-le"])
def test_plain_text(tmp_path, encoding):
    text = "作業手順\r\n\r\n1. 目的\r\nこの手順は軸受の交換に適用する。\r\n・保護具\r\n"
    document = make(tmp_path, "手順.txt", text, encoding)
    assert units(document) == [
        ("line", 0, "作業手順"),
        ("heading", 1, "1. 目的"),
        ("line", 0, "この手順は軸受の交換に適用する。"),
        ("list", 0, "・保護具"),
    ]
    assert document.text == text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("D4　原因", "heading"),
        ("Ｄ０ 緊急の処置", "heading"),
        ("【目的】", "heading"),
        ("付属書A 記録の様式", "heading"),
        ("別紙 2　測定結果", "heading"),
        ("D9 予備", "line"),
        ("D4の原因を調べた", "line"),
        ("D4 原因は次の章で述べる。", "line"),
        ("【注意】手袋をする", "line"),
        ("別紙を参照", "line"),
    ],
)
def test_headings_of_reports_and_annexes(tmp_path, line, kind):
    document = make(tmp_path, "報告.txt", f"報告書\n\n{line}\nばりが残っていた。\n")
    assert units(document)[1] == (kind, int(kind == "heading"), line)
    # Only after a blank line: elsewhere it goes on with what stands before it.
    document = make(tmp_path, "報告.txt", f"報告書\n{line}\nばりが残っていた。\n")
    assert units(document)[1] == ("line", 0, line)


def test_markdown(tmp_path):
    text = (
        "手順書\n======\n\n## 目的 ##\nこの手順は\n軸受の交換に使う。\nSee the\nmanual.\n\n"
        "- 保護具\n\n| 品番 | 値 |\n|---|---|\n| A-1 | 2 |\n\n```\n# 見出しではない\n```\n"
    )
    document = make(tmp_path, "手順.md", text)
    assert units(document) == [
        ("heading", 1, "手順書"),
        ("heading", 2, "目的"),
        ("line", 0, "この手順は"),
        ("line", 0, "軸受の交換に使う。"),
        ("line", 0, "See the"),
        ("line", 0, "manual."),
        ("list", 0, "- 保護具"),
        ("row", 0, "| 品番 | 値 |"),
        ("row", 0, "| A-1 | 2 |"),
        ("line", 0, "# 見出しではない"),
    ]
    assert "この手順は軸受の交換に使う。See the manual." in document.text.replace("。\n", "。")
    assert document.title == "手順書"


def test_text_wrapped_by_hand_is_joined(tmp_path):
    flow = (
        "この手順書は旋盤主軸の軸受を交換する作業の標準を定めるものであり"
        "作業者は保護具を着けて電源を切ってから始める。"
    )
    lines = [flow[i : i + 30] for i in range(0, len(flow), 30)]
    document = make(tmp_path, "手順.txt", "\n".join([*lines, "次の段落。"]))
    assert document.text == flow + "\n次の段落。"


def test_code_points_no_store_can_hold_are_replaced_one_for_one(tmp_path):
    document = make(tmp_path, "a.txt", "前\x07中\ufffe後")
    assert document.text == "前 中\ufffd後"
