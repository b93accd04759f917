"""A small county of communities for tests of stipends and staffing, taken in by the real import of a real workbook."""

from __future__ import annotations

from workforce_room import add_people, take, workbook

from home import Home

#: the sheet 单位: name, kind, parent, setting, code, households, residents, grids, workers
PLACES = [
    ("城关街道", "街道", "", "", "", "", "", "", ""), ("东社区", "社区", "城关街道", "城镇", "", 2650, 6800, 8, ""),
    ("西社区", "社区", "城关街道", "城镇", "", 3606, 9100, "", 5), ("南社区", "社区", "城关街道", "", "", 900, 2500, 3, ""),
    ("北社区", "社区", "城关街道", "城镇", "", "", 4000, "", ""), ("山村社区", "社区", "城关街道", "农村", "", 1200, 3000, "", 9),
    ("西一格", "网格", "西社区", "", "", 420, 1000, "", 1), ("西二格", "网格", "西社区", "", "", 180, 500, "", 2),
]  # fmt: skip


def furnish(home: Home) -> Home:
    """Ten persons in five communities: registered, lapsed, unregistered, left, nothing on file about the work, graded."""
    people = [(name, number) for _, name, number in add_people(home, 10)]
    worker, social = "社区工作者", "社会工作师"
    spots = ["东社区", "东社区", "西社区", "西社区", "南社区", "东社区", "西社区", "南社区", "东社区", "西一格"]
    kinds = [worker] * 8 + ["领导干部", "网格员"]
    work = [(*people[n], kinds[n], "2020-01-01", "2026-05-06" if n == 3 else "", spots[n], "社区书记" if n == 0 else "") for n in range(10) if n != 4]
    held = [(*people[n], "助理社会工作师" if n in (5, 7) else social, "2023-09-15", f"2023{n:05d}", "", "", "") for n in range(10)]
    held += [(*people[n], "岗位等级", "2020-01-01", "", "", "", "") for n in (0, 1, 2)]
    starts = ["2024-03-10", "2024-03-10", "2021-03-10", "2024-03-10", "2024-03-10", "2024-03-10", None, "2026-11-20", "2024-03-10", "2024-03-10"]
    done = [(*people[n], "助理社会工作师" if n in (5, 7) else social, "首次登记", day, "", "") for n, day in enumerate(starts) if day]
    done += [(*people[0], "岗位等级", "17级", "2023-06-01", "", ""), (*people[1], "岗位等级", "12级", "2022-01-01", "", ""), (*people[2], "岗位等级", "4级", "2024-02-29", "", "")]
    take(home, workbook(单位=PLACES, 任职=work, 资格=held, 办理=done))
    return home
