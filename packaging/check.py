"""Run every gate of the project, or the ones named.

    python packaging/check.py [lint] [format] [types] [layers] [tests]

The README's test command, the pre-commit hooks and CI all call this file.
"""

import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

GATES = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["pyright", "--pythonpath", sys.executable],
    "layers": ["lint-imports"],
    "tests": ["pytest"],
}


def run_gate(name: str) -> bool:
    """Run one gate in the project's root and say how it went."""
    program, *arguments = GATES[name]
    scripts = sysconfig.get_path("scripts")
    # The gates' programs stand beside this interpreter, which need not be the one on PATH.
    path = os.pathsep.join((scripts, os.environ.get("PATH", "")))
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    executable = Path(scripts) / (program + (".exe" if os.name == "nt" else ""))
    started = time.perf_counter()
    sys.stdout.write(f"== {name}: {program} {' '.join(arguments)}\n")
    sys.stdout.flush()
    code = subprocess.run([str(executable), *arguments], cwd=ROOT, env=environment).returncode
    verdict = "ok" if code == 0 else f"FAILED ({code})"
    sys.stdout.write(f"== {name}: {verdict} in {time.perf_counter() - started:.1f} s\n")
    sys.stdout.flush()
    return code == 0


def main(names: list[str]) -> int:
    """Run the named gates, all of them by default; return the number that failed."""
    unknown = [name for name in names if name not in GATES]
    if unknown:
        sys.stderr.write(f"unknown gate {unknown[0]!r}; gates: {', '.join(GATES)}\n")
        return 2
    failed = [name for name in names or GATES if not run_gate(name)]
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return len(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
