"""The picture of speed and memory over the length."""

from pathlib import Path

import pytest

from engine.evaluate.speed_plot import Point, draw


@pytest.mark.parametrize("suffix", [".svg", ".PNG", ".pdf"])
def test_each_kind_is_written_whole(tmp_path: Path, suffix: str):
    pytest.importorskip("matplotlib")
    points = [Point(511, 900.0, 190.0), Point(8190, 1000.0, 250.0), Point(200_000, 990.0, 800.0)]
    file = tmp_path / f"a{suffix}"
    draw({"ours": points, "other": points[:2]}, "a machine", file, ["ours"])
    assert list(tmp_path.iterdir()) == [file]
    written = file.read_bytes()
    assert written[:4] == {".svg": b"<?xm", ".PNG": b"\x89PNG", ".pdf": b"%PDF"}[suffix]
    if suffix == ".svg":
        # Text is drawn as paths, with the words beside them in comments.
        for words in ("a machine", "ours", "other", "511", "8K", "195.3K", "tokens a second"):
            assert f"<!-- {words} -->" in written.decode()
