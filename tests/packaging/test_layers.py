"""The layers hold, and each contract catches the violation it exists for."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sysconfig.get_path("scripts")) / (
    "lint-imports.exe" if sys.platform == "win32" else "lint-imports"
)


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LINT_IMPORTS), "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("app", "engine", "kernels"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_tree_keeps_its_layers(copy: Path):
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("kernels/planted.py", "import engine.records", "Layers point down"),
        ("engine/planted.py", "import app", "Layers point down"),
        ("engine/store/planted.py", "from PySide6 import QtCore", "No Qt below app"),
        ("kernels/planted.py", "import PySide6", "No Qt below app"),
        ("app/planted.py", "import pymupdf", "No engines' libraries in app"),
        ("app/planted.py", "import onnxruntime", "No engines' libraries in app"),
        ("engine/model/planted.py", "import torch", "Torch only in training"),
        ("engine/search/planted.py", "import engine.store", "Engine siblings do not know each"),
    ],
)
def test_a_planted_violation_is_caught(copy: Path, module: str, line: str, contract: str):
    planted = f'"""Planted."""\n\n\ndef late():\n    """Import late."""\n    {line}\n'
    (copy / module).write_text(planted, encoding="utf-8")
    result = lint_imports(copy)
    assert result.returncode != 0
    broken = [row for row in result.stdout.splitlines() if row.endswith("BROKEN")]
    assert any(row.startswith(contract) for row in broken), result.stdout


def test_every_package_is_listed_in_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(project["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("app", "engine", "kernels", "resources")
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert listed == found


def test_packaging_is_not_a_package():
    assert not (ROOT / "packaging" / "__init__.py").exists()
