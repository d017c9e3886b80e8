"""Measures how long the event loop leaves its timers waiting, and says who held it up."""

import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer

TICK_MS = 5
LOOK_S = 0.05
SAMPLE_S = 0.1


@dataclass(slots=True)
class Stall:
    """A gap between two ticks of the GUI thread.

    Attributes:
        seconds: Its length.
        starved: How much of it the system gave this process's threads no processor although they
            were ready to run; not the program's doing.
        stacks: Where the threads were meanwhile.
    """

    seconds: float
    starved: float
    stacks: str = ""

    @property
    def own(self) -> float:
        """The part that the program itself is to blame for."""
        return max(0.0, self.seconds - self.starved)


@dataclass
class StallWatch(QObject):
    """Ticks on the GUI thread and watches the ticks from another thread.

    Attributes:
        stalls: Gaps longer than ``LOOK_S``.
        ticks: Number of ticks.
    """

    stalls: list[Stall] = field(default_factory=list)
    ticks: int = 0

    def __post_init__(self) -> None:
        super().__init__()
        self._main = threading.get_ident()
        self._last = time.perf_counter()
        self._before, self._sampled = waited_s(), time.perf_counter()
        self._unfinished: list[Stall] = []
        self._seen = ""
        self._running = True
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._watcher = threading.Thread(target=self._watch, name="stall-watch", daemon=True)

    def __enter__(self) -> "StallWatch":
        self._last = time.perf_counter()
        self._timer.start()
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()
        self._running = False
        self._watcher.join(2)

    def worst(self) -> float:
        """The longest gap that the program itself is to blame for, in seconds."""
        return max((stall.own for stall in self.stalls), default=0.0)

    def report(self) -> str:
        """The five worst gaps."""
        worst = sorted(self.stalls, key=lambda stall: -stall.own)[:5]
        lines = [f"{self.ticks} ticks, {len(self.stalls)} gaps over {LOOK_S * 1000:.0f} ms"]
        for stall in worst:
            lines.append(f"{stall.seconds * 1e3:.0f} ms, {stall.starved * 1e3:.0f} ms starved")
            lines.append(stall.stacks)
        return "\n".join(lines)

    def _tick(self) -> None:
        now = time.perf_counter()
        gap = now - self._last - TICK_MS / 1000
        if gap > LOOK_S:
            stall = Stall(gap, 0.0, self._seen)
            self._unfinished.append(stall)
            self.stalls.append(stall)
        self._last, self._seen = now, ""
        self.ticks += 1

    def _watch(self) -> None:
        # The counters are read here and not in the ticks: each read of a file gives the GIL away,
        # and waiting to get it back would be measured as a stall.
        while self._running:
            time.sleep(0.01)
            if self._unfinished:
                starved = waited_s() - self._before
                while self._unfinished:
                    stall = self._unfinished.pop()
                    stall.starved = min(stall.seconds, starved)
            if time.perf_counter() - self._last > LOOK_S:
                self._seen = self._seen or self._stacks()
            elif time.perf_counter() - self._sampled > SAMPLE_S:
                self._before, self._sampled = waited_s(), time.perf_counter()

    def _stacks(self) -> str:
        parts = []
        for identity, frame in sys._current_frames().items():
            if identity != threading.get_ident():
                name = "GUI" if identity == self._main else str(identity)
                summary = traceback.extract_stack(frame)[-4:]
                places = " < ".join(
                    f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno}" for f in summary[::-1]
                )
                parts.append(f"    {name}: {places}")
        return "\n".join(parts)


def waited_s() -> float:
    """Seconds this process's threads stood ready without a processor (Linux; else 0)."""
    total = 0
    for task in Path("/proc/self/task").glob("*/schedstat"):
        try:
            total += int(task.read_text().split()[1])
        except (OSError, IndexError, ValueError):
            continue
    return total / 1e9
