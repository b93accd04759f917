"""Marking 80-item submissions: ours from saved answers into the gradebook, against ``nbgrader autograde``, both net of start-up.

Budgets: 1,000 times faster than the stock command with kernels; the stock command with our preprocessors 5 times faster
than without. "Net of start-up" is the difference of a run over many submissions and a run over one.
"""

from __future__ import annotations

import os
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
SMALL, LARGE, RUNS = 1_000, 4_000, 3
KERNELS, PREPROCESSED = 3, 20


def ours(folder: Path, people: int) -> tuple[float, float]:
    """Milliseconds a submission, by the clock and of processor time: marks, both notebook trees, the gradebook."""
    home = make_home(folder, people)
    started, spent = time.perf_counter(), time.process_time()
    mark_sitting(home, ID, "bench")
    marked = time.perf_counter() - started
    project_sitting(home, ID)
    whole, spent = time.perf_counter() - started, time.process_time() - spent
    wall, cpu = 1000 * whole / people, 1000 * spent / people
    print(f"{people} submissions: {wall:.2f} ms each ({cpu:.2f} of the processor; marks {1000 * marked / people:.2f})", flush=True)
    home.close()
    return wall, cpu


def autograde(course: Path, students: Sequence[str]) -> float:
    """Seconds of one ``nbgrader autograde`` run over these students, scores included."""
    for tree in ("submitted", "autograded"):
        shutil.rmtree(course / tree, ignore_errors=True)
    for student in students:
        shutil.copytree(course / "all" / student, course / "submitted" / student)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "nbgrader", "autograde", "form-A"], cwd=course, env=env, check=True, capture_output=True)
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
        small, cpu = min(ours(folder / f"small{n}", SMALL) for n in range(RUNS))  # the least disturbed by others on the machine
        _, large = ours(folder / "large", LARGE)
        course = folder / "small0" / "secret" / "nbgrader" / ID
        (course / "submitted").rename(course / "all")
        (course / "gradebook.db").unlink()
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run(
            [sys.executable, "-m", "nbgrader", "generate_assignment", "form-A", "--force"], cwd=course, env=env, check=True, capture_output=True
        )
        gradebook = (course / "gradebook.db").read_bytes()
        preprocessed = net(course, PREPROCESSED)
        print(f"nbgrader autograde with our preprocessors: {preprocessed:.0f} ms a submission", flush=True)
        (course / "nbgrader_config.py").unlink()
        (course / "gradebook.db").write_bytes(gradebook)
        stock = net(course, KERNELS)
        print(f"nbgrader autograde with kernels: {stock:.0f} ms a submission", flush=True)
    print(f"RATIO marking and gradebook against nbgrader autograde: {stock / small:,.0f} x faster (budget 1,000)")
    print(f"RATIO nbgrader autograde with our preprocessors: {stock / preprocessed:.1f} x faster than without (budget 5)")
    print(f"RATIO processor time of a submission, {LARGE:,} against {SMALL:,}: {large / cpu:.2f} x (1 is linear)")


if __name__ == "__main__":
    main()
