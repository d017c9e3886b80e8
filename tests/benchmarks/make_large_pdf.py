"""Writes a large Japanese PDF out of the sample texts, the same for the same seed.

    python tests/benchmarks/make_large_pdf.py TARGET.pdf [--pages 300] [--seed 1]

Each page has a heading, paragraphs and a table: sentences of the sample procedures drawn without
repetition until all are used, with their quantities and numbers changed, so that no two pages
are alike. A page holds 900 to 1,000 characters.
"""

import argparse
import random
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pymupdf

from resources.samples.builder import markup
from resources.samples.builder.layout import GREY, Flow, PageWriter, save
from resources.samples.builder.procedure import PARTS

CHARACTERS = (900, 1000)
TABLE_ROWS = 4
SUBJECTS = (
    "ポンプ",
    "シリンダ",
    "減圧弁",
    "流量調整弁",
    "蓄圧器",
    "油圧モータ",
    "逆止め弁",
    "配管",
)
WORK = ("組立", "分解", "洗浄", "検査", "試験", "点検", "保管", "調整", "受入", "こん包")
# Numbers that name something keep their meaning: part numbers, threads, dates, standards.
QUANTITY = re.compile(r"(?<![\w.×-])(\d+(?:\.\d+)?)(?= ?(?:N·m|MPa|mm|℃|分|秒|%|μm|mL|回|台))")


class Deck:
    """Draws items in random order, and shuffles again when all are used."""

    def __init__(self, items: list, random_: random.Random) -> None:
        self._items, self._random, self._left = items, random_, []

    def draw(self):
        """Return the next item."""
        if not self._left:
            self._left = self._random.sample(self._items, len(self._items))
        return self._left.pop()


def write_pdf(path: Path, pages: int = 300, seed: int = 1) -> None:
    """Write the PDF.

    Args:
        path: The file to write.
        pages: Number of pages.
        seed: Decides the texts.
    """
    random_ = random.Random(seed)
    paragraphs, tables = _materials()
    decks = Deck(paragraphs, random_), Deck(tables, random_)
    pdf = pymupdf.open()
    flow = Flow(pdf, top=76.0, bottom=815.0, size=10.0)
    flow.leading = 15.5
    for number in range(1, pages + 1):
        flow.new_page()
        flow.set(_page(number, *decks, random_))
        if len(flow.pages) != number:
            raise RuntimeError(f"page {number} overflows")
    flow.finish(_furniture)
    pdf.set_toc([[1, text, page] for level, text, page in flow.headings if level == 1])
    save(pdf, path, "油圧機器 保全便覧", "水無瀬油機株式会社", f"{pages} pages, seed {seed}")


def _materials() -> tuple[list[str], list[markup.Table]]:
    sentences: list[str] = []
    tables: list[markup.Table] = []
    for name in (*PARTS, "cleaning.md"):
        for block in markup.load(name):
            if isinstance(block, markup.Table) and len(block.rows) >= 3:
                tables.append(block)
            elif isinstance(block, (markup.Paragraph, markup.ListItem, markup.Notice)):
                sentences += [
                    text + "。"
                    for text in block.text.split("。")
                    if len(text) > 12 and text[0] not in "）」"
                ]
    return sentences, tables


def _page(number: int, sentences: Deck, tables: Deck, random_: random.Random) -> list:
    heading = f"{number} {random_.choice(SUBJECTS)}の{random_.choice(WORK)}"
    blocks: list = [markup.Heading(1 if number % 10 == 1 else 2, f"{heading} M-{number:04d}")]
    table = tables.draw()
    rows = random_.sample(table.rows, min(TABLE_ROWS, len(table.rows)))
    varied = tuple(tuple(_vary(cell, random_) for cell in row) for row in rows)
    wanted = random_.randint(CHARACTERS[0] + 40, CHARACTERS[1] - 50)
    used = sum(len(cell) for row in (table.header, *varied) for cell in row) + len(heading) + 40
    paragraphs: list[str] = []
    while used < wanted:
        paragraph = ""
        for _ in range(random_.randint(2, 4)):
            sentence = _vary(sentences.draw(), random_)
            if used + len(sentence) > CHARACTERS[1] - 10:
                used = max(used, wanted)
                break
            paragraph += sentence
            used += len(sentence)
        if paragraph:
            paragraphs.append(paragraph)
    middle = len(paragraphs) // 2
    blocks += [markup.Paragraph(text) for text in paragraphs[:middle]]
    blocks.append(markup.Table(table.header, varied))
    blocks += [markup.Paragraph(text) for text in paragraphs[middle:]]
    return blocks


def _vary(text: str, random_: random.Random) -> str:
    def change(match: re.Match[str]) -> str:
        digits = len(match[1].partition(".")[2])
        return f"{float(match[1]) * random_.uniform(0.6, 1.6):.{digits}f}"

    return QUANTITY.sub(change, text)


def _furniture(page: PageWriter, number: int, total: int) -> None:
    page.text(62, 45, "油圧機器 保全便覧 HB-300", 8.5, GREY)
    page.text(545, 45, f"{number} / {total}", 8.5, GREY, align="right")
    page.line(62, 52, 545, 52, 0.4)


def main() -> None:
    """Write the file named on the command line."""
    parser = argparse.ArgumentParser(description="Writes a large Japanese PDF.")
    parser.add_argument("target", type=Path)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    write_pdf(options.target, options.pages, options.seed)


if __name__ == "__main__":
    main()
