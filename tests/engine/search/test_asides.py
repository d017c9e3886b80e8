import numpy as np
import pytest

from engine.search.asides import CONTENTS, HEADER, HISTORY, is_contents, is_history, setbacks
from engine.search.index import Index
from tests.engine.search.conftest import Part


@pytest.mark.parametrize(
    ("text", "headings", "contents"),
    [
        ("12.3 外国語を話す作業者\t49\n13 記録と改訂\t50", ("目 次",), True),
        ("1\tHV-2041-01\t本体\t1\n2\tHV-2041-02\tスプール\t1", (), False),
        ("3 締付け ........ 12\n4 洗浄 ………… 18", (), True),
        ("何か", ("目次",), True),
        ("Scope", ("Table of Contents",), True),
        ("部品番号\t個数\nAB-1\t4個\nAB-2\t5個", (), False),
        ("締付トルクは 12", (), False),
        ("目次を見ること。", ("3 記録",), False),
    ],
)
def test_table_of_contents(text, headings, contents):
    assert is_contents(text, headings) == contents


@pytest.mark.parametrize(
    ("text", "headings", "history"),
    [
        ("減衰時間を3秒から2.5秒に見直し", ("改訂履歴",), True),
        ("Hold pressure raised.", ("Annex A", "Revision history"), True),
        ("制定", ("変 更 来 歴",), True),
        ("Rev.: 7\t日付: R5.4.17\t内容: 減衰時間を見直し", (), True),
        ("Rev.: B\tDescription: Limit tightened.\tDate: 09 Sep 2025", (), True),
        ("版: ３\t改訂年月日: 2024-04-01\t改訂内容: 図1を差替え", (), True),
        ("△2\tR6.11.28\t摩擦係数 追記", (), True),
        ("△C 押湯径 80→90 24.11.08", (), True),
        ("改訂\n△A 23.09.02", (), True),
        ("△1 φ40 h8", (), False),
        ("▲1,200 円 (前月比 ▲2.5 %)", (), False),
        ("改訂の申請は様式7による。", ("5 文書の改訂",), False),
        ("図番: HV-2041\t改訂: C\t日付: 2024-04-01", (), False),
        ("版: 3\t数量: 12", (), False),
        ("項目: 減衰時間\t管理値: 2.5秒以内", (), False),
    ],
)
def test_history_of_changes(text, headings, history):
    assert is_history(text, headings) == history


TABLE = [
    "記号\tハウジング\t色",
    "記号: J1\tハウジング: HSG-20\t色: 白",
    "記号: J2\tハウジング: HSG-08\t色: 黒",
    "品名\tハーネス",
    "Rev.: 2\t日付: R5.4.17\t内容: J2の色を白から黒に変更",
    "1 総則 ...... 1\n2 記号 ...... 4",
]


def test_what_is_beside_the_matter_is_set_back(scope_of):
    index = Index(scope_of([Part(text, (), "row") for text in TABLE]).revisions)
    rows = np.arange(len(TABLE))
    assert setbacks("J2の色", index, rows).tolist() == [HEADER, 0, 0, 0, HISTORY, CONTENTS]
    assert setbacks("J2の色はいつ変更したか", index, rows).tolist() == [
        HEADER,
        0,
        0,
        0,
        0,
        CONTENTS,
    ]


def test_two_lines_of_a_header_are_set_back(scope_of):
    texts = ["No.\t寸法", "規格\t実測", "No.: 1\t寸法 / 規格: 12\t寸法 / 実測: 12.01"]
    index = Index(scope_of([Part(text, (), "row") for text in texts]).revisions)
    assert setbacks("寸法の規格", index, np.arange(3)).tolist() == [HEADER, 0, 0]


def test_value_in_force_comes_before_its_history(scope_of):
    scope = scope_of([Part(text, (), "row") for text in TABLE])
    assert scope.search("J2 ハウジング 色").passages[0].text == TABLE[2]
    assert scope.search("J2の色の変更履歴").passages[0].text == TABLE[4]
