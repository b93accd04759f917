"""The course folder, compared byte for byte with what the real ``nbgrader generate_assignment`` makes of its source."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from paper_fixture import small_paper

from exams.course_folder import OWN, assignment_of, write_course
from exams.errors import ContentError
from exams.forms import key_form, public_form, read_key_form, read_paper
from exams.notebook import release_notebook, to_json
from question_bank.bank import Bank

ROOT = Path(__file__).parent.parent.parent


def nbgrader(folder: Path, *arguments: str, pufa: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the stock command in a course folder, with pufa importable."""
    bin_ = str(Path(sys.executable).parent)     # nbgrader runs alembic from PATH
    env = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(pufa), "JUPYTER_CONFIG_DIR": str(folder)}
    command = [str(Path(bin_) / "nbgrader"), *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


def test_release_equals_what_generate_assignment_makes(tmp_path: Path) -> None:
    blueprint, bank, paper, *_ = small_paper(tmp_path / "bank")
    first = paper.forms[0].questions[0].item
    stem = "题干 <b>x</b> $a$ ### BEGIN SOLUTION\n\n[链接](javascript:1) `x` \\(y\\)\u2028 生僻字𫚭"
    bank = Bank([replace(item, stem=stem) if item.slug == first else item for item in bank.values()])
    course = tmp_path / "course"
    public, key = public_form(paper, "A", blueprint, bank), key_form(paper, "A", blueprint, bank)
    write_course(course, paper, [public], [key])
    ours = (course / "release" / "form-A" / "paper.ipynb").read_bytes()
    shutil.rmtree(course / "release")
    # generate_assignment needs none of our marking; the guard's own presence is tested with autograde
    config = (course / "nbgrader_config.py").read_text(encoding="utf-8").partition("\ntry:")[0]
    (course / "nbgrader_config.py").write_text(config, encoding="utf-8")
    done = nbgrader(course, "generate_assignment", "form-A")
    assert done.returncode == 0, done.stderr
    assert (course / "release" / "form-A" / "paper.ipynb").read_bytes() == ours
    assert len(json.loads(ours)["cells"]) == 1 + 5 + 4 * 3 + 2 * 2


def test_a_course_without_pufa_stops_nbgrader_instead_of_marking_unguarded(tmp_path: Path) -> None:
    *_, paper, public, key = small_paper(tmp_path / "bank")
    write_course(tmp_path / "course", paper, [public], [key])
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "grading.py").write_text("raise ImportError('no pufa here')\n", encoding="utf-8")
    done = nbgrader(tmp_path / "course", "autograde", "form-A", pufa=broken)
    assert done.returncode == 1 and "找不到 pufa" in done.stderr and "没有评阅任何试卷" in done.stderr
    assert not (tmp_path / "course" / "gradebook.db").exists()


def test_folder_holds_what_it_says_and_reads_back(tmp_path: Path) -> None:
    blueprint, _, paper, public, key = small_paper(tmp_path / "bank")
    course = tmp_path / "deep" / "course"
    write_course(course, paper, [public], [key], blueprint)
    assert {path.name for path in course.iterdir()} <= OWN
    assert read_paper(course / "manifest.json") == paper
    assert read_key_form(course / "keys" / "A.json") == key
    assert (course / "blueprint.toml").read_text(encoding="utf-8") == blueprint.source
    assert course.stat().st_mode & 0o077 == 0
    assert (course / "source" / assignment_of("A") / "paper.ipynb").stat().st_mode & 0o077 == 0
    assert (course / "release" / "form-A" / "paper.ipynb").read_text(encoding="utf-8") == to_json(release_notebook(public))
    assert [path.name for path in course.parent.iterdir()] == ["course"]


def test_an_untouched_course_is_replaced_and_one_with_submissions_is_not(tmp_path: Path) -> None:
    _, _, paper, public, key = small_paper(tmp_path / "bank")
    course = tmp_path / "course"
    write_course(course, paper, [public], [key])
    write_course(course, replace(paper, id="p-2"), [public], [key])
    assert read_paper(course / "manifest.json").id == "p-2"
    (course / "submitted").mkdir()
    with pytest.raises(ContentError, match="submitted"):
        write_course(course, paper, [public], [key])
    assert read_paper(course / "manifest.json").id == "p-2"
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ContentError, match="没有改动"):
        write_course(tmp_path / "file", paper, [public], [key])


def test_a_failure_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    _, _, paper, public, key = small_paper(tmp_path / "bank")
    course = tmp_path / "course"
    write_course(course, paper, [public], [key])
    with pytest.raises(KeyError):
        write_course(course, replace(paper, id="p-2"), [public], [replace(key, entries=key.entries[:1])])
    assert read_paper(course / "manifest.json").id == "p-1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bank", "course"]
