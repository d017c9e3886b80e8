"""Starting: what the desktop lacks is named, settings survive, the program runs and ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.platform_check import desktop_problem, explain_missing, import_problem, missing_libraries
from app.settings import HISTORY_LIMIT, Settings, SettingsFile

ROOT = Path(__file__).parents[2]
CLOSE_WHEN_DONE = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from app import bootstrap

class Closing(bootstrap.Session):
    def start(self):
        super().start()
        self.timer = QTimer(interval=100)
        self.timer.timeout.connect(self.look)
        self.timer.start()

    def look(self):
        ends = [row.info.status for row in self.documents.rows if row.info and not row.working]
        if ends and ends[0] in ("analysed", "failed"):
            print(*ends)
            self.window.close()

bootstrap.Session = Closing
sys.exit(bootstrap.run(Path({library!r}), [Path({note!r})]))
"""
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux desktops only")


def test_no_display_is_said_before_qt_aborts():
    problem = desktop_problem({}, "linux")
    assert problem is not None
    assert "DISPLAY" in problem
    assert desktop_problem({"QT_QPA_PLATFORM": "offscreen"}, "linux") is None
    assert desktop_problem({}, "win32") is None


def test_a_missing_library_is_named_with_its_packages():
    absent = {"no-such-library-of-chumoku": ("deb", "rpm")}
    assert missing_libraries(absent) == ["no-such-library-of-chumoku"]
    text = explain_missing(["EGL", "xcb-cursor"])
    assert "libEGL.so, libxcb-cursor.so" in text
    assert "apt install libegl1 libxcb-cursor0" in text
    assert "dnf install libglvnd-egl xcb-util-cursor" in text


def test_an_import_that_fails_for_a_library_names_its_package():
    error = ImportError("libEGL.so.1: cannot open shared object file: No such file or directory")
    assert "libegl1" in import_problem(error)
    assert "no module" in import_problem(ImportError("no module named PySide6"))


@linux_only
def test_the_program_without_a_display_ends_with_a_message():
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "app"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "DISPLAY" in done.stderr


def test_the_program_starts_takes_files_and_ends_when_its_window_closes(tmp_path: Path):
    note = tmp_path / "メモ.txt"
    note.write_text("締付トルクは 12 N·m とする。", encoding="utf-8")
    script = CLOSE_WHEN_DONE.format(library=str(tmp_path / "library"), note=str(note))
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "APPDATA": str(tmp_path / "config"),
        "LOCALAPPDATA": str(tmp_path / "state"),
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "analysed"), done.stderr
    assert "Traceback" not in done.stderr


@linux_only
def test_ctrl_c_in_the_terminal_closes_the_window(tmp_path: Path):
    state = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **state}
    command = [sys.executable, "-m", "app", "--library", str(tmp_path / "library")]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        until = time.monotonic() + 60
        while not (tmp_path / "library" / "library.db").exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
    assert (tmp_path / "config" / "Chumoku" / "settings.json").exists()


def test_defects_are_logged_and_told(tmp_path: Path):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from app.logs import start_log, tell_defects\n"
        f"start_log(Path({str(tmp_path)!r}))\n"
        "tell_defects(lambda error: print('told', error))\n"
        "{}['absent']\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "told 'absent'"
    written = (tmp_path / "window.log").read_text("utf-8")
    assert "KeyError: 'absent'" in written


def test_settings_survive_a_restart(tmp_path: Path):
    file = SettingsFile(tmp_path / "a" / "settings.json")
    file.change(language="en", top=20)
    file.remember_query("公差")
    file.remember_query("洗浄")
    file.remember_query("公差")
    again = SettingsFile(tmp_path / "a" / "settings.json").current
    assert again == Settings(language="en", top=20, queries=("公差", "洗浄"))
    assert not list((tmp_path / "a").glob("*.tmp"))


def test_damaged_or_foreign_settings_give_the_defaults(tmp_path: Path):
    path = tmp_path / "settings.json"
    for text in ("", "{", "[1]", '{"top": "ten", "language": 3, "queries": "x", "new": 1}'):
        path.write_text(text, encoding="utf-8")
        assert SettingsFile(path).current == Settings()


def test_the_history_of_questions_has_an_end(tmp_path: Path):
    file = SettingsFile(tmp_path / "settings.json")
    for number in range(HISTORY_LIMIT + 5):
        file.remember_query(str(number))
    assert len(file.current.queries) == HISTORY_LIMIT
    assert file.current.queries[0] == str(HISTORY_LIMIT + 4)


def test_settings_that_cannot_be_saved_do_not_stop_the_program(tmp_path: Path, caplog):
    (tmp_path / "file").write_text("")
    file = SettingsFile(tmp_path / "file" / "settings.json")
    assert file.change(theme="dark").theme == "dark"
    assert "settings" in caplog.text
