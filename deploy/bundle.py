"""``make bundle``: one archive that installs pufa on a machine without internet: a Python, wheels, fonts, guides, units.

    dist/pufa-<version>-linux-<machine>.tar.gz  →  tar xf …; cd pufa-…; sh install.sh [/opt/pufa]

The Python is the one that runs this script, made relocatable; what it links besides the C library comes along. So the target needs the same
processor and a C library no older than this machine's: build on the oldest system that is in use. ``install.sh`` checks both.
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
NAME = f"pufa-{VERSION}-linux-{platform.machine()}"
SHORT = f"python{sys.version_info.major}.{sys.version_info.minor}"
#: parts of Python that nothing here uses
LEFT_OUT = ("test", "tests", "idlelib", "turtledemo", "tkinter", "lib2to3", "site-packages", "dist-packages", "__pycache__", "config-*", "_tkinter*", "*.a", "EXTERNALLY-MANAGED")
#: the C library's own parts: they must be the target's
GLIBC = re.compile(r"/(ld-linux[^/]*|lib(c|m|pthread|dl|rt|util|resolv|nsl|mvec)\.so\.\d+)$")
FONTS = ("Noto Sans CJK SC:style=Regular", "Noto Sans CJK SC:style=Bold", "Noto Serif CJK SC:style=Regular", "Noto Serif CJK SC:style=Bold")
RARE = ("HanaMinA", "HanaMinB")   # 生僻字: characters that Noto lacks
PACKAGES = {"Noto": "fonts-noto-cjk", "HanaMin": "fonts-hanazono"}


def main() -> None:
    """Build the archive; says where it is."""
    out = ROOT / "dist" / NAME
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    copy_python(out / "python")
    get_wheels(out / "wheels")
    copy_fonts(out / "fonts")
    copy_texts(out)
    write_sums(out)
    archive = out.with_name(f"{NAME}.tar.gz")
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        tar.add(out, NAME)
    shutil.rmtree(out)
    print(f"{archive.relative_to(ROOT)}  {archive.stat().st_size / 1e6:.0f} MB")


def run(*command: str | Path) -> str:
    """Output of a command that must succeed."""
    return subprocess.run([str(one) for one in command], check=True, text=True, stdout=subprocess.PIPE).stdout


def copy_python(target: Path) -> None:
    """Interpreter, standard library and the shared libraries they link; each finds the others beside itself."""
    base = Path(sys.base_prefix)
    shutil.copytree(base / "lib" / SHORT, target / "lib" / SHORT, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=False)
    (target / "bin").mkdir()
    shutil.copy2((base / "bin" / SHORT).resolve(), target / "bin" / SHORT)
    linked = [target / "bin" / SHORT, *(target / "lib" / SHORT / "lib-dynload").glob("*.so")]
    for path in list(linked):
        for library in linked_libraries(path):
            if not (target / "lib" / library.name).exists():
                shutil.copy2(library.resolve(), target / "lib" / library.name)
                linked.append(target / "lib" / library.name)
    for path in linked:
        depth = len(path.relative_to(target).parts) - 1
        run("patchelf", "--force-rpath", "--set-rpath", "$ORIGIN/" + "../" * depth + "lib", path)


def linked_libraries(path: Path) -> list[Path]:
    """Shared libraries that a file loads, the C library's excepted."""
    found = re.findall(r"=> (/\S+)", run("ldd", path))
    return [Path(one) for one in found if not GLIBC.search(one)]


def get_wheels(target: Path) -> None:
    """Everything that the lock file pins, pip itself to install it, and pufa."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "download", "--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements.lock", "-d", target)
    run(*pip, "download", "--no-deps", "--only-binary", ":all:", "pip", "-d", target)
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", target, ROOT)


def copy_fonts(target: Path) -> None:
    """The CJK fonts that PDFs and charts are set in, with their licences."""
    target.mkdir()
    for font in (*FONTS, *RARE):
        family, package = next((family, package) for family, package in PACKAGES.items() if font.startswith(family))
        path = Path(run("fc-match", "-f", "%{file}", font)).resolve()  # Debian names a font by an alternative, too
        if family not in path.name:
            raise SystemExit(f"bundle: the font {font} is not on this machine; install {package}")
        shutil.copy2(path, target / path.name)
        licence = Path("/usr/share/doc") / package / "copyright"
        if licence.is_file():
            shutil.copy2(licence, target / f"LICENSE-{package}")


def copy_texts(out: Path) -> None:
    """Installer, lock file, guides, units, licence."""
    for name in ("requirements.lock", "LICENSE", "README.md", "README.zh-CN.md", "CHANGELOG.md"):
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, out / name)
    shutil.copy2(ROOT / "deploy" / "install.sh", out / "install.sh")
    for folder in ("docs", "deploy"):
        shutil.copytree(ROOT / folder, out / folder, ignore=shutil.ignore_patterns("__pycache__", "install.sh", "bundle.py", "setup.sh"))
    glibc = platform.libc_ver()[1]
    (out / "BUILT-ON").write_text(f"machine={platform.machine()}\nglibc={glibc}\npython={SHORT}\nversion={VERSION}\n", encoding="ascii")


def write_sums(out: Path) -> None:
    """``SHA256SUMS`` over every file, for ``sha256sum -c``."""
    files = sorted(path for path in out.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out)}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
