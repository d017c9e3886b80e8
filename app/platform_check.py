"""Says in words what a Linux desktop lacks, before Qt ends the process without any."""

import ctypes.util
import os
import re
import sys
from collections.abc import Mapping

# Library name as the loader knows it: package of Debian and Ubuntu, package of Fedora.
LIBRARIES = {
    "EGL": ("libegl1", "libglvnd-egl"),
    "GL": ("libgl1", "libglvnd-glx"),
    "xkbcommon": ("libxkbcommon0", "libxkbcommon"),
    "dbus-1": ("libdbus-1-3", "dbus-libs"),
    "fontconfig": ("libfontconfig1", "fontconfig"),
    "glib-2.0": ("libglib2.0-0", "glib2"),
}
XCB_LIBRARIES = {
    "xcb-cursor": ("libxcb-cursor0", "xcb-util-cursor"),
    "xcb-icccm": ("libxcb-icccm4", "xcb-util-wm"),
    "xcb-image": ("libxcb-image0", "xcb-util-image"),
    "xcb-keysyms": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "xcb-render-util": ("libxcb-render-util0", "xcb-util-renderutil"),
    "xcb-shape": ("libxcb-shape0", "libxcb"),
    "xkbcommon-x11": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
}
NO_DISPLAY = (
    "Chumoku needs a desktop: neither DISPLAY nor WAYLAND_DISPLAY is set.\n"
    "Start it on a desktop, or use the command line: chumoku --help\n"
    "画面がありません（DISPLAY も WAYLAND_DISPLAY もありません）。"
    "デスクトップで起動するか、コマンド chumoku --help を使ってください。"
)


def missing_libraries(needed: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return the names of libraries that the loader does not find."""
    return [name for name in needed if ctypes.util.find_library(name) is None]


def explain_missing(names: list[str]) -> str:
    """Return a message that names the libraries and the packages that bring them."""
    known = {**LIBRARIES, **XCB_LIBRARIES}
    debian = " ".join(known[name][0] for name in names if name in known)
    fedora = " ".join(known[name][1] for name in names if name in known)
    files = ", ".join(f"lib{name}.so" for name in names)
    return (
        f"The window cannot start: this system lacks {files}.\n"
        f"  Debian, Ubuntu:  sudo apt install {debian}\n"
        f"  Fedora, RHEL:    sudo dnf install {fedora}\n"
        f"ウィンドウを開けません。次のライブラリがありません: {files}"
    )


def desktop_problem(
    environment: Mapping[str, str] = os.environ, platform: str = sys.platform
) -> str | None:
    """Return why Qt would abort on this desktop, None where nothing is known to be wrong."""
    if not platform.startswith("linux") or environment.get("QT_QPA_PLATFORM"):
        return None
    if not environment.get("DISPLAY") and not environment.get("WAYLAND_DISPLAY"):
        return NO_DISPLAY
    needed = dict(LIBRARIES)
    if not environment.get("WAYLAND_DISPLAY"):
        needed.update(XCB_LIBRARIES)
    missing = missing_libraries(needed)
    return explain_missing(missing) if missing else None


def import_problem(error: ImportError) -> str:
    """Return the message for a Qt that could not be imported."""
    found = re.search(r"lib([\w+.-]+?)\.so", str(error))
    if found and (found.group(1) in LIBRARIES or found.group(1) in XCB_LIBRARIES):
        return explain_missing([found.group(1)])
    return f"The window cannot start: {error}\nウィンドウを開けません: {error}"
