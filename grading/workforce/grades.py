"""三岗十八级: which grades a post ranges over, and when the next step comes (``domain.md`` S64, B.3). Pure.

The rule is the table ``[grades]`` of ``courses/staffing.toml``; the history of a person's grades is the kind ``community_grade``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from grading.outcome import add_months
from grading.workforce.hours import Step

STEP = "grade_"


@dataclass(frozen=True)
class Post:
    """A class of posts: the words that tell it in the title of a post, and its lowest and highest grade."""

    title: str
    words: tuple[str, ...]
    lowest: int
    highest: int


@dataclass(frozen=True)
class Grades:
    """``posts`` are tried in their order; the one without words takes the rest. ``years``: between two steps."""

    years: int
    posts: tuple[Post, ...]
    source: str
    assumed: str

    def post_of(self, title: str) -> Post:
        return next(one for one in self.posts if not one.words or any(word in title for word in one.words))


@dataclass(frozen=True)
class Career:
    """Where a person stands: the grade and since when, the next one and when it can come; None: no grade, or the highest."""

    post: Post
    grade: int | None = None
    since: date | None = None
    next_grade: int | None = None
    next_on: date | None = None
    doubt: str = ""


def grade_on(steps: Sequence[Step], day: date) -> tuple[int, date] | None:
    """The grade that held on a day and since when; entries of one day: the last one entered."""
    known = [one for one in steps if one.on_day <= day and one.step.startswith(STEP)]
    if not known:
        return None
    newest = max(enumerate(known), key=lambda pair: (pair[1].on_day, pair[0]))[1]
    grade = int(newest.step.removeprefix(STEP))
    since = newest.on_day
    for one in sorted(known, key=lambda step: step.on_day, reverse=True):
        if one.step != newest.step:
            break
        since = one.on_day
    return grade, since


def career(grades: Grades, steps: Sequence[Step], post_title: str, on_day: date) -> Career:
    """What a person's grades come to on a day."""
    post, held = grades.post_of(post_title), grade_on(steps, on_day)
    if held is None:
        return Career(post, doubt="没有登记岗位等级")
    grade, since = held
    doubt = "" if post.lowest <= grade <= post.highest else f"{grade} 级不在{post.title}的 {post.lowest} 至 {post.highest} 级之内；请核对职务和等级"
    if grade >= post.highest:
        return Career(post, grade, since, doubt=doubt)
    return Career(post, grade, since, grade + 1, add_months(since, 12 * grades.years), doubt)
