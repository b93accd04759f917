"""The archive for offices without internet, installed and run where there is no network at all."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.long  # a minute and a half: .ci/run asks for it by name

#: in a network namespace that has a loopback device and nothing else: no route, no name server, no host to reach
SCRIPT = """
set -eu
ip link set lo up
test -z "$(ip route show table all | grep -v -e 'dev lo' -e '^local' -e '^broadcast')"
if {python} -c "import socket; socket.create_connection(('192.0.2.1', 443), 2)" 2>/dev/null; then echo "a way out" >&2; exit 3; fi
cd {unpacked}
env -i HOME={home} PATH=/usr/bin:/bin sh install.sh {prefix}
env -i HOME={home} PATH=/usr/bin:/bin sh {prefix}/demo.sh {home}/demo > {home}/demo.log 2>&1 &
demo=$!
trap 'kill $demo; wait $demo || true' EXIT
env -i HOME={home} PATH=/usr/bin:/bin {prefix}/current/bin/{python_name} - <<'END'
import time, httpx
for port, word in ((8000, "准考证号"), (8001, "登录名")):
    for _ in range(120):
        try:
            page = httpx.get(f"http://127.0.0.1:{{port}}/login")
            break
        except httpx.TransportError:
            time.sleep(0.5)
    assert page.status_code == 200 and word in page.text, page.text
    print(port, "answers")
END
env -i HOME={home} PATH=/usr/bin:/bin {prefix}/current/bin/pufa restore --drill {home}/demo/home/backups/*.tar.gz
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive as ``make bundle`` makes it from this checkout, unpacked."""
    subprocess.run(["make", "-s", "bundle"], cwd=ROOT, check=True)
    archive = max((ROOT / "dist").glob("pufa-*.tar.gz"), key=lambda path: path.stat().st_mtime)
    folder = tmp_path_factory.mktemp("bundle")
    subprocess.run(["tar", "xf", archive], cwd=folder, check=True)
    return next(folder.iterdir())


def test_it_installs_and_runs_the_demonstration_without_a_network(unpacked: Path, tmp_path: Path) -> None:
    name = next((unpacked / "python" / "bin").iterdir()).name
    script = SCRIPT.format(python="python3", python_name=name, unpacked=unpacked, home=tmp_path, prefix=tmp_path / "opt")
    done = subprocess.run(["unshare", "-n", "bash", "-c", script], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr + (tmp_path / "demo.log").read_text(encoding="utf-8")
    assert "8000 answers" in done.stdout and "8001 answers" in done.stdout and "全部相符" in done.stdout
    release = (tmp_path / "opt" / "current").resolve()
    libraries = subprocess.run(
        ["ldd", *map(str, (release / "lib" / name / "lib-dynload").glob("_ssl*.so")), *map(str, (release / "lib" / name / "lib-dynload").glob("_sqlite3*.so"))],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for library in ("libssl", "libcrypto", "libsqlite3"):
        line = next(one for one in libraries.splitlines() if library in one)
        assert str(release) in line, line  # not the target's own, which may be too old or not there
    again = subprocess.run(["sh", str(unpacked / "install.sh"), str(tmp_path / "opt")], env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]}, check=True)
    assert again.returncode == 0 and (tmp_path / "opt" / "current").resolve() != release and release.is_dir()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder: (folder / "requirements.lock").write_text("x"), "不完整或被改动过"),
        (lambda folder: (folder / "BUILT-ON").write_text("machine=none\nglibc=2.1\npython=python3\nversion=0\n"), "处理器"),
        (lambda folder: (folder / "BUILT-ON").write_text(f"machine={os.uname().machine}\nglibc=99.9\npython=python3\nversion=0\n"), "比安装包要求的"),
    ],
)  # fmt: skip
def test_what_cannot_run_here_is_refused_before_anything_is_written(unpacked: Path, tmp_path: Path, change: object, told: str) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-al", str(unpacked), str(copy)], check=True)
    for name in ("requirements.lock", "BUILT-ON"):  # hard links: what is changed must be a file of its own
        data = (copy / name).read_bytes()
        (copy / name).unlink()
        (copy / name).write_bytes(data)
    change(copy)  # type: ignore[operator]
    done = subprocess.run(["sh", str(copy / "install.sh"), str(tmp_path / "opt")], capture_output=True, text=True)
    assert done.returncode == 1 and told in done.stdout + done.stderr
    assert not (tmp_path / "opt").exists()
