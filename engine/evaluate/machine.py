"""What a measurement was made on: processor, memory, system, versions, commit, peak memory."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import psutil

MEBIBYTE = 2**20
CHANGED = "+"


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine of a measurement.

    Attributes:
        processor: Name of the processor.
        simd: Widest vector extension that NumPy found, such as ``AVX512_ICL``, which has VNNI.
        cores: Physical cores, as far as the system tells.
        ram_gb: Memory in GiB.
        system: Operating system with its version.
    """

    processor: str
    simd: str
    cores: int
    ram_gb: float
    system: str

    @classmethod
    def here(cls) -> "Machine":
        """This machine."""
        return cls(
            processor=_processor(),
            simd=_simd(),
            cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
            ram_gb=round(psutil.virtual_memory().total / 2**30, 1),
            system=f"{platform.system()} {platform.release()}",
        )

    def as_json(self) -> dict[str, str | int | float]:
        """The machine as plain values."""
        return asdict(self)


def _processor() -> str:
    if sys.platform == "win32":
        import winreg

        path = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
                return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()
        except OSError:
            return platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _simd() -> str:
    found = np.show_config(mode="dicts").get("SIMD Extensions", {})  # pyright: ignore[reportOptionalMemberAccess]
    names = [*found.get("baseline", []), *found.get("found", [])]
    return str(names[-1]) if names else ""


def package_versions(*packages: str) -> dict[str, str]:
    """Versions of distributions by name; an empty string where one is not installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return found


def commit(root: Path) -> str:
    """Short hash of the checkout at a folder, with ``CHANGED`` behind it where files differ.

    Returns:
        An empty string where the folder is no checkout of its own, as that of an installed program
        is not even if it lies within one, or where git is not there or fails.
    """
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return ""
    name = _git(git, root, "rev-parse", "--short=12", "HEAD")
    status = _git(git, root, "status", "--porcelain")
    if not name or status is None:
        return ""
    return name + (CHANGED if status else "")


def _git(git: str, root: Path, *arguments: str) -> str | None:
    done = subprocess.run(
        [git, *arguments], cwd=root, capture_output=True, encoding="utf-8", errors="replace"
    )
    return None if done.returncode else done.stdout.strip()


def peak_memory() -> int:
    """Most resident memory that this process has had so far, in bytes."""
    # Windows alone has this field.
    peak = getattr(psutil.Process().memory_info(), "peak_wset", None)
    if peak is not None:
        return int(peak)
    # On Linux getrusage may still tell the peak of the process that started this one.
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        status = ""
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
