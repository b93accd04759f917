"""The printed sheets with the names and units that a county really has: nothing is printed over anything else."""

from __future__ import annotations

import re
import subprocess
from itertools import combinations
from pathlib import Path

from office_room import Office, identity, import_people, new_sitting, people

NAMES = ("阿卜杜热依木·买买提", "古丽娜尔·阿不都克里木·艾合买提江", "努尔兰别克·阿依提哈孜·加尼别克", "张伟")
UNIT = "某某自治州某某自治县城关镇人民政府综合行政执法办公室（社会治安综合治理中心）"
TITLE = "二〇二六年第四季度拟任科级领导干部任前法律知识考试（第二批次，含补充人选）"
WORD = re.compile(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</word>')


def sheet(office: Office, tmp_path: Path, name: str) -> list[str]:
    """The pages of a sheet as ``pdftotext -bbox`` sees them."""
    with office.staff("exam_officer") as officer:
        new_sitting(officer, title=TITLE)
        long = [(one, identity(k), UNIT, *people(1)[0][3:]) for k, one in enumerate(NAMES, 500)]
        import_people(officer, "s-1", [*long, *people(30)])
        (tmp_path / "sheet.pdf").write_bytes(officer.get(f"/sittings/s-1/sheets/{name}").content)
    seen = subprocess.run(["pdftotext", "-bbox", tmp_path / "sheet.pdf", "-"], capture_output=True, text=True, check=True).stdout
    return seen.split("<page ")[1:]


def overprinted(page: str) -> list[tuple[str, str]]:
    """Words whose boxes cover each other by more than the air around a line."""
    words = [(*map(float, box), text) for *box, text in WORD.findall(page)]
    return [
        (a[4], b[4]) for a, b in combinations(words, 2)
        if min(a[2], b[2]) - max(a[0], b[0]) > 2 and min(a[3], b[3]) - max(a[1], b[1]) > 6
    ]  # fmt: skip


def test_long_names_and_units_are_not_printed_over_each_other(office: Office, tmp_path: Path) -> None:
    pages = sheet(office, tmp_path, "attendance")
    assert [overprinted(page) for page in pages] == [[]] * len(pages)
    text = "".join(re.findall(r">([^<]*)</word>", "".join(pages)))
    assert all(part in text for name in NAMES for part in name.split("·"))


def test_the_door_notice_is_one_page(office: Office, tmp_path: Path) -> None:
    door, seats, *_ = ("".join(re.findall(r">([^<]*)</word>", page)) for page in sheet(office, tmp_path, "room"))
    assert "不得与他人交谈" in door, "the last rule hangs on the door"
    assert "考场座次表" in seats
