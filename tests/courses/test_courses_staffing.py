"""The staffing module's numbers against an independent computation in plain Python, and what it says of bad ledgers."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from matplotlib import font_manager

from courses.charts import FONTS, rules_chart, shortage_chart
from courses.module import MODULES
from courses.staffing import (
    LEDGER,
    MOST_ROWS,
    RIGHT_HOUSEHOLDS,
    WRONG_GRID,
    WRONG_HOUSEHOLDS,
    StaffingError,
    by_community,
    city_workers,
    compare,
    jilin_workers,
    make_ledger,
    need,
    norms,
    read_ledger,
    taiyuan_workers,
)

HEADER = "社区,网格,户数,常住人口,在岗人数\n"


def rows() -> dict[str, list[tuple[int, int, int]]]:
    """community -> (households, people, workers) of each grid, read without pandas, the typing error mended."""
    found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    with LEDGER.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            households = 312 if row["网格"] == "丙03" else int(row["户数"])
            found[row["社区"]].append((households, int(row["常住人口"]), int(row["在岗人数"])))
    return found


def mended() -> object:
    ledger = read_ledger()
    ledger.loc[ledger["网格"] == WRONG_GRID, "户数"] = RIGHT_HOUSEHOLDS
    return ledger


def test_the_shipped_ledger_is_what_the_seeded_function_makes() -> None:
    assert read_ledger().equals(make_ledger())
    assert not make_ledger(1).equals(make_ledger(2))


def test_the_typing_error_is_the_one_row_with_more_households_than_people() -> None:
    ledger = read_ledger()
    found = ledger[ledger["户数"] > ledger["常住人口"]]
    assert found["网格"].tolist() == [WRONG_GRID] and found["户数"].tolist() == [WRONG_HOUSEHOLDS]


@pytest.mark.parametrize("per_grid", [200, 275, 300, 400])
@pytest.mark.parametrize("workers", [1, 2])
def test_need_agrees_with_plain_arithmetic(per_grid: int, workers: int) -> None:
    table = need(mended(), per_grid, workers)
    for community, grids in rows().items():
        households, there = sum(one[0] for one in grids), sum(one[2] for one in grids)
        wanted = math.ceil(households / per_grid)
        got = table.loc[community, ["网格数", "户数", "在岗人数", "应设网格", "应配", "缺口"]].tolist()
        assert got == [len(grids), households, there, wanted, wanted * workers, wanted * workers - there]
    assert len(table) == len(rows()) == 8


def test_comparison_agrees_with_plain_arithmetic() -> None:
    table = compare(mended())
    for community, grids in rows().items():
        households, people = sum(one[0] for one in grids), sum(one[1] for one in grids)
        bands = 3 if households <= 2000 else 4 if households <= 3000 else 5 if households <= 4000 else 6
        extra = max(0, households - 3000)
        wanted = [math.ceil(households / 400), math.ceil(households / 200) * 2, math.ceil(people * 18 / 10_000), bands,
                  10 + extra // 500, 15 + extra // 300]  # fmt: skip
        assert table.loc[community].tolist()[2:] == wanted


@pytest.mark.parametrize(
    ("households", "workers"),
    [(0, 3), (2000, 3), (2001, 4), (3000, 4), (3001, 5), (4000, 5), (5000, 6), (5499, 6), (5500, 7), (10_499, 16), (10_500, 17), (99_999, 17)],
)
def test_taiyuan_bands(households: int, workers: int) -> None:
    assert taiyuan_workers(households) == workers


@pytest.mark.parametrize(("households", "both"), [(1, (10, 15)), (3000, (10, 15)), (3299, (10, 15)), (3300, (10, 16)), (3600, (11, 17)), (4500, (13, 20))])
def test_jilin_range(households: int, both: tuple[int, int]) -> None:
    assert jilin_workers(households) == both


@pytest.mark.parametrize(("people", "workers"), [(0, 0), (1, 1), (10_000, 18), (10_001, 19), (50_000, 90)])
def test_city_norm_is_rounded_up(people: int, workers: int) -> None:
    assert city_workers(people) == workers


def test_every_norm_names_its_source() -> None:
    assert all(rule["source"] for rule in norms().values()) and set(norms()) == {"grid", "city", "taiyuan", "jilin"}


@pytest.mark.parametrize("numbers", [(199, 1), (401, 1), (300, 0), (300, 3), (300.0, 1), ("300", 1), (None, 1)])
def test_numbers_outside_the_norm_are_refused(numbers: tuple[object, object]) -> None:
    with pytest.raises(StaffingError, match="之间的整数"):
        need(make_ledger(), *numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "不是可读的表格"),
        ("社区,网格,户数\n甲,甲01,300\n", "列：常住人口、在岗人数"),
        ("社区,网格,户数,户数,常住人口,在岗人数\n甲,甲01,1,2,3,4\n", "重复）列：户数"),
        (HEADER, "1 到"),
        (HEADER + "甲,甲01,三百,800,1\n", "第 2 行户数“三百”不是整数"),
        (HEADER + "甲,甲01,300.5,800,1\n", "不是整数"),
        (HEADER + "甲,甲01,-3,800,1\n", "不是整数"),
        (HEADER + "甲,甲01,,800,1\n", "第 2 行户数“”不是整数"),
        (HEADER + "甲,甲01,1e400,800,1\n", "不是整数"),
        (HEADER + "甲,,300,800,1\n", "第 2 行没有填网格"),
        (HEADER + "甲,甲01,300,800,1\n甲,甲01,300,800,1\n", "第 3 行网格 甲01 重复"),
        (HEADER + "甲,甲01,300,800,1,9,9\n", "第 2 行的格数与表头不同"),
        (HEADER + '甲,"甲01,300,800,1\n', "不是可读的表格"),
        (HEADER + "".join(f"甲,{n},300,800,1\n" for n in range(MOST_ROWS + 1)), "1 到"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_bad_ledger_is_told_not_read(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "我的台账.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StaffingError, match=said) as caught:
        read_ledger(path)
    assert "我的台账.csv" in str(caught.value) and caught.value._render_traceback_()[0].startswith("算不了")


def test_other_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"not a workbook")
    (tmp_path / "x.csv").write_bytes(b"\xd6\xd0\xb9\xfa,\xff\n")
    (tmp_path / "big.csv").write_bytes(b"x" * (5 * 1024 * 1024 + 1))
    for name, said in (("x.xlsx", "不是可读的表格"), ("x.csv", "不是可读的表格"), ("big.csv", "超过 5 MB"), ("none.csv", "读不出 none.csv")):
        with pytest.raises(StaffingError, match=said):
            read_ledger(tmp_path / name)


def test_a_workbook_with_other_columns_reads_like_the_csv(tmp_path: Path) -> None:
    ledger = make_ledger()
    ledger.insert(0, "备注", "无")
    ledger.to_excel(tmp_path / "台账.xlsx", index=False)
    assert read_ledger(tmp_path / "台账.xlsx").equals(make_ledger())


def test_charts_are_300_dpi_in_the_chinese_font_and_say_the_gaps() -> None:
    table = need(mended(), 300)
    chart = shortage_chart(table, "每格300户")
    axes = chart.figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["相符", "相符", "缺 1", "缺 2", "缺 4", "缺 3", "缺 3", "多 3"]
    assert [bar.get_height() for bar in axes.containers[1]] == table["应配"].tolist()
    png = chart.png()
    assert png.startswith(b"\x89PNG") and round(300 / 0.0254).to_bytes(4, "big") in png[:200]    # pHYs: dots per metre
    assert axes.title.get_fontname() == FONTS[0] and FONTS[0] in font_manager.get_font_names()
    assert 'download="各社区网格人员配备.png"' in chart._repr_html_()
    low, high = rules_chart(compare(mended())).figure.axes[0].containers[:2]
    assert (low[0].get_y(), low[0].get_height(), high[0].get_y(), high[0].get_height()) == (5, 15, 10, 5)


def test_the_story_of_the_module_is_what_the_ledger_gives() -> None:
    draft, settled = need(read_ledger()), need(mended())
    assert (draft["缺口"].clip(lower=0).sum(), draft.loc["丙社区", "缺口"]) == (22, 10)
    assert (settled["缺口"].clip(lower=0).sum(), settled["缺口"].sum(), settled.loc["丙社区", "缺口"], settled.loc["辛社区", "缺口"]) == (13, 10, 1, -3)
    ledger = mended()
    assert (len(ledger), (ledger["户数"] > 400).sum(), (ledger["户数"] < 200).sum()) == (62, 8, 13)  # type: ignore[index, arg-type]
    assert by_community(ledger)["户数"].idxmax() == "戊社区" and by_community(ledger)["户数"].max() == 3606  # type: ignore[arg-type]
    text = (MODULES / "governance-data" / "01-grid-staffing.ipynb").read_text(encoding="utf-8")
    for said in ("22 人", "13 人", "62 个网格", "8 个网格超过 400 户", "13 个不足 200 户", "3606 户"):
        assert said in text


def test_the_course_room_stays_light() -> None:
    code = "import sys, courses.commands; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=MODULES.parent.parent).stdout.split()
    assert not {"pandas", "matplotlib", "nbformat", "nbconvert", "ipywidgets"} & set(loaded)
