"""Kinds are files: every fault is told with its line, a home's own file takes the place of ours."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from exams.errors import ContentError
from grading.workforce.kinds import SHIPPED, kind_named, kinds_of, read_kind, read_kinds


def test_aliases_lead_to_one_kind():
    kinds = read_kinds()
    for text, ident in (("法制副校长", "vice_principal"), ("社会工作者（初级）", "social_worker_assistant"), ("乡村“法律明白人”", "law_literate"),
                        ("social_worker", "social_worker"), (" 社工 师", "social_worker")):  # fmt: skip
        assert kind_named(kinds, text).id == ident
    assert kind_named(kinds, "社工") is None


def test_a_home_changes_a_number(home_folder):
    own = home_folder.secret / "workforce" / "kinds"
    own.mkdir(parents=True)
    text = (SHIPPED / "law_literate.toml").read_text(encoding="utf-8").replace("least = 3", "least = 5")
    (own / "law_literate.toml").write_text(text, encoding="utf-8")
    kinds = kinds_of(home_folder)
    assert kinds["law_literate"].target.least == 5
    assert kinds["law_literate"] == replace(read_kinds()["law_literate"], target=kinds["law_literate"].target)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('months = 36', 'months = "三年"', "“months”应为 0 至 600 的整数"),
        ('window_months = 3', 'window_month = 3', "不认识“window_month”"),
        ('per = "period"', 'per = "periode"', "是否想写“period”"),
        ('starts = true', 'starts = false', "也只能有一步写 starts = true"),
        ('step = "renewed"', 'step = "registered"', "步骤“registered”写了两次"),
        ('step = "renewed"', 'step = "再次登记"', "应为小写字母"),
        ('[validity]\nmonths = 36', '[validity]\nmonths = 0', "没有有效期"),
        ('unit = "学时"', 'unit = "学时"\nstep = "lecture"', "没有写 count = true"),
        ('needed = 90', 'needed = 90\nneeded = 72', "不合 TOML 格式"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path, old, new, told):
    text = (SHIPPED / "social_worker.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "social_worker.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ContentError) as refused:
        read_kind(path)
    assert any(told in line and line.startswith("social_worker.toml:") for line in refused.value.faults), refused.value.faults


def test_two_kinds_with_one_name_are_refused(tmp_path):
    shutil.copy(SHIPPED / "lecturer.toml", tmp_path / "a.toml")
    shutil.copy(SHIPPED / "lecturer.toml", tmp_path / "b.toml")
    with pytest.raises(ContentError, match=r"名称“普法讲师”已被 a\.toml"):
        read_kinds(tmp_path)
