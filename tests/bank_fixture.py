"""Real small banks for tests of every room: six hand-written items, or any number of generated ones."""

from __future__ import annotations

import random
from pathlib import Path

from question_bank.statutes import COLUMNS, parse_articles

#: slug -> (subject, text). One of each kind and one more, all valid.
SMALL = {
    "owners-vote-parking": ("civil_code", """---
kind: single
law:
  - {act: 民法典, article: 278}
topic: 业主共同决定
audience: [街道, 社区]
level: 应用
difficulty: 0.55
order: fixed
author: 测试员
---

某小区 500 名业主，专有部分面积共 5 万平方米；400 名业主参与表决，其面积 4 万平方米。拿出绿地改建停车场，**最低**要多少人同意？

- [ ] 200 人
- [ ] 201 人
- [x] 300 人
- [ ] 334 人

## 解析

改变共有部分用途，须经参与表决的业主人数四分之三以上同意，即 {c}。{a}、{b} 用的是过半数，{d} 误以全体业主为基数。
"""),
    "mediation-agreement-regret": ("mediation", """---
kind: single
law:
  - {act: 人民调解法, article: 31}
topic: 调解协议
audience: [乡镇, 街道, 村, 社区]
level: 理解
difficulty: 0.7
order: shuffle
author: 测试员
---

老赵签了调解协议又反悔，说“又不是法院判的，不算数”。社区怎样答复才对？

- [x] 协议有法律约束力，应当履行
- [ ] 协议只有道德约束，不必履行
- [ ] 协议要经司法所盖章才有效力
- [ ] 协议可以直接申请强制执行

## 解析

调解协议具有法律约束力，选 {a}。{b} 是常见误解；{c} 没有依据；{d} 须先经司法确认。
"""),
    "committee-powers": ("grassroots", """---
kind: multiple
law:
  - {act: 城市居民委员会组织法, article: 3}
  - {act: 城市居民委员会组织法, article: 12}
topic: 居民委员会
audience: [街道, 社区]
level: 应用
difficulty: 0.45
order: shuffle
author: 测试员
---

某街道拟把两个各 600 户的社区合并。下列做法符合规定的有：

- [x] 合并后约 1200 户，在一般范围之内
- [x] 由街道办事处提出，报区政府批准
- [ ] 合并后用自有资金为商户提供担保
- [x] 居民委员会主任为其法定代表人
- [ ] 由社区党组织决定后即可挂牌运行

## 解析

{a}、{b}、{d} 有明文。{c} 把可以从事民事活动推得太远；{e} 漏了批准程序。
"""),
    "joint-confirmation": ("mediation", """---
kind: true_false
law:
  - {act: 人民调解法, article: 33}
topic: 司法确认
audience: [乡镇, 街道, 村, 社区]
level: 识记
difficulty: 0.6
order: fixed
author: 测试员
---

调解达成协议后，一方当事人可以单独申请司法确认。

- [ ] 正确
- [x] 错误

## 解析

本题表述错误：须由双方共同申请。
"""),
    "notice-before-fine": ("administration", """---
kind: short
law:
  - {act: 行政处罚法, article: 44}
topic: 处罚前告知
audience: [乡镇, 街道]
level: 理解
difficulty: 0.5
order: fixed
author: 测试员
---

街道作出罚款决定之前，应当告知当事人哪些内容？

## 参考答案

拟作出的处罚内容及事实、理由、依据，以及依法享有的陈述、申辩、要求听证等权利。

## 采分点

- (2) 拟作出的处罚内容及事实、理由、依据
- (1.5) 陈述、申辩、要求听证等权利

## 解析

没有告知或者拒绝听取陈述、申辩的，不得作出处罚决定。
"""),
    "street-demolition-case": ("administration", """---
kind: case
law:
  - {act: 行政强制法, article: 44}
topic: 违法建筑强制拆除
audience: [乡镇, 街道]
level: 应用
difficulty: 0.4
order: fixed
author: 测试员
---

某街道认定孙某的阳光房是违法建筑，当天贴出公告，次日上午就组织拆除，孙某当时在外地。

1. 拆除的时间有什么问题？
2. 孙某可以怎样维护权利？

## 参考答案

须限期自行拆除；期满不复议、不诉讼又不拆除的，才可以强制拆除。孙某可以申请行政复议或者提起行政诉讼，并请求赔偿。

## 采分点

- (3) 须先公告限期自行拆除，等复议、诉讼期限届满
- (3) 可以复议、诉讼
- (2) 可以请求赔偿

## 解析

紧迫不是省去程序的理由。
"""),
}

#: acts of generated items: subject -> (act, highest article used)
_ACTS = {
    "civil_code": ("民法典", 1200), "mediation": ("人民调解法", 34), "grassroots": ("城市居民委员会组织法", 49),
    "labour": ("劳动合同法", 97), "administration": ("行政处罚法", 85), "safety": ("安全生产法", 118),
}  # fmt: skip
_KINDS = ("single", "single", "multiple", "true_false")
#: Common characters that stand for words, so that no two generated texts are alike.
_CHARS = "春夏秋冬东南西北山川河湖田野林木花草鸟鱼虫石金银铜铁灯火云雨风雪霜露日月星辰桥路车船门窗桌椅书画笔墨琴棋茶酒米麦豆果"


def _words(rng: random.Random, length: int) -> str:
    return "".join(rng.choice(_CHARS) for _ in range(length))


def _generated(rng: random.Random, number: int) -> tuple[str, str]:
    """(subject, text) of one generated item; difficulty follows a spread from 0.2 to 0.95."""
    kind = _KINDS[number % len(_KINDS)]
    subject = list(_ACTS)[number // len(_KINDS) % len(_ACTS)]
    act, last = _ACTS[subject]
    if kind == "true_false":
        marks = [True, False] if rng.random() < 0.5 else [False, True]
        options = [("正确", marks[0]), ("错误", marks[1])]
    else:
        size = 4 if kind == "single" else rng.choice((4, 5))
        right = set(rng.sample(range(size), 1 if kind == "single" else rng.randint(2, size - 1)))
        options = [(_words(rng, 10), place in right) for place in range(size)]
    lines = [f"- [{'x' if right else ' '}] {text}" for text, right in options]
    return subject, f"""---
kind: {kind}
law:
  - {{act: {act}, article: {rng.randint(1, last)}}}
topic: 题目{number % 40}
audience: [街道, 社区]
level: {rng.choice(("识记", "理解", "应用", "应用"))}
difficulty: {rng.uniform(0.2, 0.95):.2f}
order: {"fixed" if kind == "true_false" else "shuffle"}
author: 生成器
---

{_words(rng, 40)}。

{chr(10).join(lines)}

## 解析

{_words(rng, 30)}。
"""


def write_small_bank(folder: Path, pool: str = "sample_exam") -> Path:
    """Six items (two single, one of each other kind) under ``folder/<pool>/<subject>/``; returns ``folder``."""
    for slug, (subject, text) in SMALL.items():
        _write(folder / pool / subject / f"{slug}.md", text)
    return folder


def write_generated_bank(folder: Path, n: int, seed: int, pool: str = "sample_exam") -> Path:
    """``n`` items, half single, a quarter multiple and true_false each, over six subjects; the same for the same seed.

    The slugs are ``g-<seed>-00001`` and so on; returns ``folder``.
    """
    rng = random.Random(seed)
    for number in range(n):
        subject, text = _generated(rng, number)
        _write(folder / pool / subject / f"g-{seed}-{number + 1:05d}.md", text)
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_statutes(folder: Path, *rows: tuple[str, str, str, str, str], status: str = "现行有效(截至2026-06-26目录)") -> Path:
    """A folder of statute texts with its index. ``rows``: act, file, version date, effective date, text."""
    folder.mkdir(exist_ok=True)
    lines = ["\t".join(COLUMNS)]
    for act, file, version, effective, text in rows:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(f"# {act}\n\n{text}\n", encoding="utf-8")
        count = len([name for name in parse_articles(text) if "之" not in name])
        lines.append("\t".join([act, f"中华人民共和国{act}", file, str(count), version, effective, status, ""]))
    (folder / "INDEX.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
