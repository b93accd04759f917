"""README, DEVELOPERS and docs/ do not drift from the code: commands, options, make targets, files, links, refusal codes."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer.main

import pufa
from exams.refusals import REASONS

ROOT = Path(__file__).parent.parent
OFFICER = ROOT / "docs" / "exam-officer.md"
GUIDES = ("candidate", "exam-officer", "hr", "marker", "trainer", "operator")
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "DEVELOPERS.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = "people|question_bank|exams|courses|grading|hall|tests|bench|docs|deploy|migrations"

FENCE = re.compile(r"^\s*```.*?^\s*```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"^(?:\S*\.venv/bin/)?pufa\s+(?=[a-z-])(.*)")
MODULE = re.compile(r"python3? -m ([a-z_.]+)")
PLACE = re.compile(rf"(?<![\w/.-])((?:{ROOMS})/[\w./*-]+|[A-Za-z0-9_-]+\.(?:py|toml|lock)|Makefile)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
CODE = re.compile(r"(?<![A-Za-z0-9])[DSKPB]\d\d(?!\d)")
OURS = {"home.toml", "database.toml", "sitting.json", "nbgrader_config.py"}   # files of a home or a course folder, not of the project

TREE: Any = typer.main.get_command(pufa.app)    # typer brings its own copy of click: known by shape, not by class
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def snippets(text: str) -> Iterator[str]:
    """Every line of a fenced or indented block and every code span."""
    for block in FENCE.findall(text):
        yield from (line.strip() for line in block.splitlines()[1:-1])
    plain = FENCE.sub("", text)
    yield from (line.strip() for line in plain.splitlines() if line.startswith("    "))
    yield from SPAN.findall(plain)


def commands(text: str) -> list[str]:
    """What follows ``pufa`` in every snippet that calls it; a shell comment is no part of it."""
    return [found[1] for line in snippets(text) if (found := COMMAND.match(line))]


def faults_of(called: str) -> list[str]:
    """What the command tree does not know in ``bank show SLUG --with-key``; ``a|b`` is both."""
    words = shlex.split(called.partition(" #")[0].strip().removesuffix("…"))
    return [fault for way in ways(TREE, words) for fault in way]


def ways(command: Any, words: Sequence[str]) -> Iterator[list[str]]:
    if hasattr(command, "commands") and words and not words[0].startswith("-"):
        for name in words[0].split("|"):
            inner = command.commands.get(name)
            yield from ways(inner, words[1:]) if inner else [[f"no command {name}"]]
        return
    yield list(unknown(command, list(words)))


def unknown(command: Any, words: list[str]) -> Iterator[str]:
    """Options that the command does not have, and more arguments than it takes."""
    known = [one for one in command.params if one.param_type_name == "option"]
    options = {name: one for one in known for name in (*one.opts, *one.secondary_opts)}
    room = sum(10**6 if one.nargs < 0 else one.nargs for one in command.params if one.param_type_name == "argument")
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            option = options.get(word)
            if option is None and word not in ("--help", "-h"):
                yield f"{command.name} has no option {word}"
            elif option is not None and not option.is_flag:
                del words[: option.nargs]
        else:
            room -= 1
    if room < 0:
        yield f"{command.name} takes fewer arguments"


def slug(heading: str) -> str:
    """The anchor that forges give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_every_guide_that_the_readme_promises_is_there() -> None:
    for name in GUIDES:
        assert (ROOT / "docs" / f"{name}.md").is_file()
        for readme in ("README.md", "README.zh-CN.md"):
            assert f"(docs/{name}.md)" in (ROOT / readme).read_text(encoding="utf-8")


@each_page
def test_every_command_and_option_exists(page: Path) -> None:
    assert [f"pufa {one}: {fault}" for one in commands(page.read_text(encoding="utf-8")) for fault in faults_of(one)] == []


@pytest.mark.parametrize(
    ("called", "fault"),
    [
        ("bank shew x", "no command shew"), ("bank show x --wth-key", "show has no option --wth-key"),
        ("sitting open|shut a --home H", "no command shut"), ("grade --home H a b", "grade takes fewer arguments"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_seen(called: str, fault: str) -> None:
    assert faults_of(called) == [fault]


@each_page
def test_every_make_target_exists(page: Path) -> None:
    named = {found for line in snippets(page.read_text(encoding="utf-8")) for found in re.findall(r"^make ([a-z]+)", line)}
    assert named <= targets()


@each_page
def test_every_module_and_file_exists(page: Path) -> None:
    lines = list(snippets(page.read_text(encoding="utf-8")))
    modules = {name for line in lines for name in MODULE.findall(line)}
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []
    places = {place.rstrip("./") for line in lines for place in PLACE.findall(line) if "<" not in line} - OURS
    assert [place for place in sorted(places) if not any(ROOT.glob(place)) and not any(ROOT.rglob(place))] == []


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        known = {slug(one) for one in HEADING.findall(target.read_text(encoding="utf-8"))} if anchor and target.is_file() else set()
        if not target.exists() or (anchor and anchor not in known):
            broken.append(link)
    assert broken == []


def test_the_officers_table_is_the_table_of_refusals() -> None:
    listed = re.findall(r"^\| ([A-Z]\d\d) \|", OFFICER.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(reason.code for reason in REASONS.values())


@pytest.mark.parametrize("name", GUIDES)
def test_no_guide_names_a_code_that_nobody_sees(name: str) -> None:
    named = set(CODE.findall((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")))
    assert named <= {reason.code for reason in REASONS.values()}


def test_the_twenty_situations_are_twenty() -> None:
    part = OFFICER.read_text(encoding="utf-8").partition("## 考场常见情况二十条")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d+)\. \*\*", part, re.MULTILINE) == [str(n) for n in range(1, 21)]
    refers = {int(n) for n in re.findall(r"第 (\d+) 条", OFFICER.read_text(encoding="utf-8"))}
    assert refers <= set(range(1, 21))


def test_the_table_of_cases_names_tests_and_benchmarks_that_are_there() -> None:
    text = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text))
    assert len(named) > 80
    missing = [f"{path}::{name}" for path, name in sorted(named) if not re.search(rf"^(?:async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.M)]
    assert missing == []
    wanted = {f"{group}{n}" for group, last, without in (("A", 15, {10}), ("B", 12, {9}), ("C", 10, set()), ("D", 10, {3, 6}), ("E", 10, set()), ("F", 11, {5, 8}), ("J", 12, {6, 7}), ("K", 4, set()))
              for n in range(1, last + 1) if n not in without}  # fmt: skip
    told = {case for row in re.findall(r"^\| ([A-K\d、]+) \|", text, re.M) for case in row.split("、")}
    assert wanted <= told, sorted(wanted - told)
