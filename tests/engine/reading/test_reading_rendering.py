import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from engine.errors import ReadingError
from engine.progress import CancelToken
from engine.reading.limits import Limits
from engine.reading.rendering import PageRenderer
from engine.reading.supervisor import ReaderProcess
from engine.records import Rendering


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "図面.pdf"
    with pymupdf.open() as document:
        page = document.new_page(width=200, height=100)
        page.draw_rect((50, 20, 100, 60), fill=(1, 0, 0), color=None)
        document.new_page(width=100, height=300).set_rotation(90)
        document.save(path)
    return path


def image_of(rendering: Rendering) -> np.ndarray:
    flat = np.frombuffer(rendering.rgb, np.uint8).reshape(rendering.height, rendering.stride)
    return flat[:, : rendering.width * 3].reshape(rendering.height, rendering.width, 3)


def test_a_page_is_drawn_at_its_scale_without_alpha(path):
    rendering = PageRenderer(Limits()).render(path, 1, 2.0)
    assert (rendering.width, rendering.height) == (400, 200)
    assert len(rendering.rgb) == rendering.stride * rendering.height
    image = image_of(rendering)
    assert image[80, 150].tolist() == [255, 0, 0]
    assert image[10, 10].tolist() == [255, 255, 255]


def test_a_turned_page_is_drawn_as_it_is_shown(path):
    rendering = PageRenderer(Limits()).render(path, 2, 1.0)
    assert (rendering.width, rendering.height) == (300, 100)


def test_enormous_scales_are_lowered(path):
    rendering = PageRenderer(Limits()).render(path, 1, 1e4)
    assert rendering.width * rendering.height <= 41_000_000


def test_a_changed_file_is_drawn_anew(path):
    renderer = PageRenderer(Limits())
    renderer.render(path, 1, 1.0)
    with pymupdf.open() as document:
        document.new_page(width=321, height=100)
        data = document.tobytes()
    path.write_bytes(data)
    os.utime(path, (1, 1))
    assert renderer.render(path, 1, 1.0).width == 321


@pytest.mark.parametrize("page", [0, 3, -1])
def test_pages_that_are_not_there(path, page):
    with pytest.raises(ReadingError):
        PageRenderer(Limits()).render(path, page, 1.0)


def test_files_that_cannot_be_drawn(tmp_path):
    with pytest.raises(ReadingError) as caught:
        PageRenderer(Limits()).render(tmp_path / "ない.pdf", 1, 1.0)
    assert caught.value.code == "file_missing"
    (tmp_path / "a.pdf").write_bytes(b"no pdf")
    with pytest.raises(ReadingError) as caught:
        PageRenderer(Limits()).render(tmp_path / "a.pdf", 1, 1.0)
    assert caught.value.code == "file_broken"


def test_rendering_in_the_child(path):
    with ReaderProcess() as reader:
        first = reader.render(path, 1, 1.5, CancelToken())
        assert reader.render(path, 1, 1.5).rgb == first.rgb
        # Nothing holds the file: on Windows this fails while it is open.
        path.unlink()
    assert image_of(first)[60, 110].tolist() == [255, 0, 0]


def test_a_picture_from_the_child_loads_no_renderer_here(path):
    code = (
        "import sys; from pathlib import Path\n"
        "from engine.reading.supervisor import ReaderProcess\n"
        "if __name__ == '__main__':\n"
        "    with ReaderProcess() as reader:\n"
        "        reader.render(Path(sys.argv[1]), 1, 1.0)\n"
        "    print('pymupdf' in sys.modules)\n"
    )
    script = path.with_name("draw.py")
    script.write_text(code, encoding="utf-8")
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, str(script), str(path)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False"]
