"""Marking 80-item submissions: ours from saved answers into the gradebook, against ``nbgrader autograde``, both net of start-up.

Budgets: 1,000 times faster than the stock command with kernels; the stock command with our preprocessors 5 times faster
than without. "Net of start-up" is the difference of a run over many submissions and a run over one.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench._sitting import ID, make_home
from grading.gradebook.projection import project_sitting
from grading.marks import mark_sitting
from grading.worker import calm_collector

ROOT = Path(__file__).parent.parent
SMALL, LARGE, RUNS = 1_000, 8_000, 3
KERNELS, PREPROCESSED = 3, 20


def ours(folder: Path, people: int) -> tuple[float, float]:
    """Milliseconds a submission, by the clock and of the program's own processor time: marks, both notebook trees, the gradebook.

    The kernel's time (two files and two folders a submission) is shown and not compared: it follows what else writes to the disk,
    and made one run in two look as if marking were not linear.
    """
    home = make_home(folder, people)
    started, spent = time.perf_counter(), os.times()
    mark_sitting(home, ID, "bench")
    marked = time.perf_counter() - started
    project_sitting(home, ID)
    whole, ended = time.perf_counter() - started, os.times()
    wall, cpu, system = (1000 * one / people for one in (whole, ended.user - spent.user, ended.system - spent.system))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{people:,} submissions: {wall:.2f} ms each (processor: own {cpu:.2f}, kernel {system:.2f}; marks {1000 * marked / people:.2f}); "
          f"memory at most {most:.0f} MB", flush=True)  # fmt: skip
    home.close()
    return wall, cpu


def autograde(course: Path, students: Sequence[str]) -> float:
    """Seconds of one ``nbgrader autograde`` run over these students, scores included."""
    for tree in ("submitted", "autograded"):
        shutil.rmtree(course / tree, ignore_errors=True)
    for student in students:
        shutil.copytree(course / "all" / student, course / "submitted" / student)
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", "form-A"], cwd=course, env=env, check=True, capture_output=True
    )
    return time.perf_counter() - started


def net(course: Path, many: int) -> float:
    """Milliseconds a submission of the stock command in this course folder, net of start-up."""
    students = sorted(path.name for path in (course / "all").iterdir())
    one = autograde(course, students[:1])
    return 1000 * (autograde(course, students[1 : many + 2]) - one) / many


def main() -> None:
    calm_collector()  # as the worker does
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        runs = [ours(folder / f"small{n}", SMALL) for n in range(RUNS)]
        small, cpu = (min(one) for one in zip(*runs, strict=True))  # the least disturbed by others on the machine
        _, large = ours(folder / "large", LARGE)
        course = folder / "small0" / "secret" / "nbgrader" / ID
        (course / "submitted").rename(course / "all")
        (course / "gradebook.db").unlink()
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        subprocess.run(
            [sys.executable, "-m", "nbgrader", "generate_assignment", "form-A", "--force"],
            cwd=course,
            env=env,
            check=True,
            capture_output=True,
        )
        gradebook = (course / "gradebook.db").read_bytes()
        preprocessed = net(course, PREPROCESSED)
        print(f"nbgrader autograde with our preprocessors: {preprocessed:.0f} ms a submission", flush=True)
        (course / "nbgrader_config.py").unlink()
        (course / "gradebook.db").write_bytes(gradebook)
        stock = net(course, KERNELS)
        print(f"nbgrader autograde with kernels: {stock:.0f} ms a submission", flush=True)
    print(f"RATIO marking and gradebook against nbgrader autograde: {stock / small:,.0f} x faster (budget 1,000)")
    print(
        f"RATIO nbgrader autograde with our preprocessors: {stock / preprocessed:.1f} x faster than without (budget 5)"
    )
    print(f"RATIO own processor time of a submission, {LARGE:,} against {SMALL:,}: {large / cpu:.2f} x (1 is linear)")


if __name__ == "__main__":
    main()
