"""Ten parallel forms of 100 items from a generated 2,000: seconds, and the spread of expected scores.

Budget: 10 s, spread 0.1 of 100 marks.
"""

from __future__ import annotations

import random
import time
from datetime import date
from pathlib import Path

from exams.assembly import assemble
from exams.blueprint import Blueprint
from exams.verify import spread, verify
from question_bank.bank import Bank
from question_bank.item import Citation, Item, Option

ITEMS, FORMS = 2000, 10
KINDS = ("single", "single", "multiple", "true_false")
SUBJECTS = ("civil_code", "mediation", "grassroots", "labour", "administration", "safety", "land", "environment")

BLUEPRINT = f"""
title = "百题卷"
minutes = 60
forms = {FORMS}
pools = ["sample_exam"]
[shares.level]
"应用" = {{ min = 0.5 }}
[shares.subject]
civil_code = {{ min = 0.1, max = 0.2 }}
administration = {{ min = 0.1, max = 0.2 }}
[[parts]]
id = "single"
title = "单项选择题"
kind = "single"
count = 60
points = 1
[[parts]]
id = "multiple"
title = "多项选择题"
kind = "multiple"
count = 10
points = 1
[[parts]]
id = "true_false"
title = "判断题"
kind = "true_false"
count = 30
points = 1
"""


def generated(number: int, rng: random.Random) -> Item:
    kind = KINDS[number % len(KINDS)]
    texts = ("正确", "错误") if kind == "true_false" else ("甲", "乙", "丙", "丁")
    options = tuple(Option("abcd"[n], text, n == 0 or (kind == "multiple" and n == 1)) for n, text in enumerate(texts))
    return Item(
        f"g-{number:05d}", "sample_exam", SUBJECTS[number // 4 % len(SUBJECTS)], kind, f"题干{number}。", options, "解析。",
        (Citation("民法典", str(1 + number % 1260)),), "题目", ("街道",), rng.choice(("识记", "理解", "应用", "应用")),
        round(rng.uniform(0.2, 0.95), 2), kind == "true_false", "生成器", Path("generated.md"),
    )  # fmt: skip


def main() -> None:
    rng = random.Random(20261123)
    bank = Bank([generated(number, rng) for number in range(ITEMS)])
    blueprint = Blueprint.parse(BLUEPRINT)
    hashes = {slug: slug for slug in bank}
    started = time.perf_counter()
    paper = assemble(blueprint, bank, paper_id="bench", seed=1, as_of=date(2026, 11, 23), hashes=hashes)
    seconds = time.perf_counter() - started
    faults = verify(paper, blueprint, bank)
    width = float(spread(paper, blueprint, bank).width)
    print(f"{FORMS} forms of 100 items from {ITEMS}: {seconds:.1f} s, spread {width:.2f} marks, faults {len(faults)}")
    for fault in faults:
        print(fault)
    print(f"RATIO ten forms of 100 from 2,000: {seconds:.1f} s (budget 10 s), spread {width:.2f} of 100 (budget 0.1)")


if __name__ == "__main__":
    main()
