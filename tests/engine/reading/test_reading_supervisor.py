import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pymupdf
import pytest

from engine.errors import Cancelled, ExportError, ReadingError
from engine.progress import CancelToken, Progress, run
from engine.reading.supervisor import ReaderProcess

ROOT = Path(__file__).parents[3]


@pytest.fixture
def hostile(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return "hostile_functions:{}".format


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "手順 メモ.txt"
    path.write_text("軸受を交換する。", encoding="utf-8")
    return path


@pytest.fixture
def reader(hostile):
    with ReaderProcess(deadline_s=30, memory_bytes=600_000_000) as process:
        yield process


def write_long_pdf(path, pages):
    with pymupdf.open() as single, pymupdf.open() as document:
        page = single.new_page()
        page.insert_text((50, 50), ["日本語の本文 " * 6] * 40, fontname="japan")
        for _ in range(pages):
            document.insert_pdf(single)
        document.save(path, garbage=3)


def assert_still_reads(process, path):
    assert run(process.read(path)).text == "軸受を交換する。"


def test_one_child_serves_many_files(reader, note):
    assert_still_reads(reader, note)
    first = reader.pid
    assert_still_reads(reader, note)
    assert reader.pid == first != os.getpid()


def test_progress_names_the_file(reader, tmp_path):
    path = tmp_path / "long.pdf"
    write_long_pdf(path, 120)
    seen: list[Progress] = []
    document = run(reader.read(path), seen.append)
    assert len(document.pages) == 120
    assert seen
    assert {(p.stage, p.total, p.subject) for p in seen} == {("read", 120, str(path))}
    assert [p.done for p in seen] == sorted(p.done for p in seen)


@pytest.mark.parametrize("function", ["hang", "spin"])
def test_a_hanging_reader_is_ended_at_the_deadline(hostile, note, function):
    with ReaderProcess(deadline_s=2.0) as process:
        assert_still_reads(process, note)
        started = time.monotonic()
        with pytest.raises(ReadingError) as caught:
            process.call(hostile(function))
        assert caught.value.code == "reader_timeout"
        assert time.monotonic() - started < 3.0
        assert_still_reads(process, note)


@pytest.mark.parametrize("function", ["eat_memory_slowly", "eat_memory_at_once"])
def test_a_reader_that_eats_memory_is_ended(hostile, note, function):
    with ReaderProcess(deadline_s=30, memory_bytes=400_000_000) as process:
        with pytest.raises(ReadingError) as caught:
            process.call(hostile(function))
        assert caught.value.code == "reader_memory"
        assert_still_reads(process, note)


@pytest.mark.parametrize(("function", "args"), [("exit_hard", (3,)), ("segfault", ())])
def test_a_crash_is_reported_and_the_next_file_is_read(reader, hostile, note, function, args):
    with pytest.raises(ReadingError) as caught:
        reader.call(hostile(function), args)
    assert caught.value.code == "reader_crashed"
    assert caught.value.details["exit"] not in (0, "none")
    assert_still_reads(reader, note)


def test_a_defect_is_a_crash_that_says_where(reader, hostile):
    with pytest.raises(ReadingError) as caught:
        reader.call(hostile("fail"))
    assert caught.value.code == "reader_crashed"
    assert "KeyError" in str(caught.value.details["error"])
    assert "hostile_functions.py" in str(caught.value.details["where"])


def test_known_errors_come_through_as_they_are(reader, hostile):
    with pytest.raises(ExportError) as caught:
        reader.call(hostile("refuse"))
    assert caught.value.details == {"suffix": ".xyz"}


def test_a_result_that_cannot_travel_is_a_crash(reader, hostile, note):
    with pytest.raises(ReadingError) as caught:
        reader.call(hostile("unpicklable"))
    assert caught.value.code == "reader_crashed"
    assert_still_reads(reader, note)


def test_results_bigger_than_any_pipe_arrive(reader, hostile):
    array = reader.call(hostile("make_array"), (8_000_000,))
    assert array.dtype == np.int32
    assert array[-1] == 7_999_999


def test_what_a_child_prints_stays_away_from_results(reader, hostile, capfd):
    reader.call(hostile("print_noise"))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_cancel_ends_a_call_within_200_ms(reader, hostile, note):
    assert_still_reads(reader, note)
    cancel = CancelToken()
    asked: list[float] = []

    def _cancel():
        asked.append(time.monotonic())
        cancel.cancel()

    timer = threading.Timer(0.3, _cancel)
    timer.start()
    with pytest.raises(Cancelled):
        reader.call(hostile("spin"), (), cancel)
    assert time.monotonic() - asked[0] < 0.2
    timer.join()
    assert_still_reads(reader, note)


def test_a_cancelled_token_starts_nothing(reader, note):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        run(reader.read(note, cancel))
    assert reader.pid is None


def test_an_abandoned_job_does_not_spoil_the_next(reader, note, tmp_path):
    path = tmp_path / "long.pdf"
    write_long_pdf(path, 150)
    job = reader.read(path)
    next(job)
    job.close()
    assert_still_reads(reader, note)


def test_threads_wait_for_each_other(reader, hostile):
    results: list[int] = []

    def _call(count):
        results.append(len(reader.call(hostile("make_array"), (count,))))

    threads = [threading.Thread(target=_call, args=(n,)) for n in (10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [10, 20, 30]


def test_close_ends_a_call_of_another_thread(hostile, note):
    process = ReaderProcess()
    assert_still_reads(process, note)
    errors: list[BaseException] = []

    def _call():
        try:
            process.call(hostile("hang"))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test looks at it
            errors.append(error)

    thread = threading.Thread(target=_call)
    thread.start()
    time.sleep(0.2)
    process.close()
    thread.join(5)
    assert [type(error) for error in errors] == [Cancelled]
    with pytest.raises(Cancelled):
        process.call(hostile("print_noise"))


SCRIPT = """
import sys, os, time
sys.path.insert(0, {root!r})
sys.path.insert(0, {here!r})
from engine.reading.supervisor import ReaderProcess
process = ReaderProcess()
process.call("hostile_functions:make_array", (1,))
print(process.pid, flush=True)
{then}
"""


def _script(tmp_path, then):
    path = tmp_path / "script.py"
    here = str(Path(__file__).parent)
    path.write_text(SCRIPT.format(root=str(ROOT), here=here, then=then), encoding="utf-8")
    return [sys.executable, str(path)]


def test_a_script_without_a_main_guard_can_read(tmp_path):
    command = _script(tmp_path, "process.close()")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 1


@pytest.mark.parametrize("busy", [False, True])
def test_the_child_ends_when_its_parent_is_killed(tmp_path, busy):
    then = "process.call('hostile_functions:spin')" if busy else "time.sleep(60)"
    with subprocess.Popen(_script(tmp_path, then), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.2)
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    assert time.monotonic() < deadline
