"""What gives an answer away to someone who does not know the law: length, place, tell-tale words. Over the bank and per item."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from math import sqrt

from question_bank.item import Item
from question_bank.registry import plain_text

#: A key this many times as long as the mean distractor, and longer by so many characters, stands out.
STANDS_OUT, LONGER_BY = Fraction(8, 5), 6
#: Fewest items over which a share is judged, and the deviation (standard normal, p ≈ 0.005 one-sided) that is too much.
FEWEST, TOO_FAR = 24, 2.58
ABSOLUTE = re.compile(r"一律|绝对|一概|必须|无论如何|任何情况|永远|完全不|毫无|从来")
_BARE = re.compile(r"(?<![A-Za-z0-9{])[A-Ja-j](?![A-Za-z0-9}])(?![级类型股超座栋区证照楼室轮段])")
_NEGATIVE = re.compile(r"(?<!\*)不(?=(?:正确|符合|属于|包括|恰当|合法|妥当)[^。]{0,12}(?:的是|的有|？|：))")

#: upper 1 % points of chi-square by degrees of freedom
_CHI_1_PERCENT = {1: 6.63, 2: 9.21, 3: 11.34, 4: 13.28, 5: 15.09, 6: 16.81, 7: 18.48, 8: 20.09, 9: 21.67}


def _length(text: str) -> int:
    return len(plain_text(text))


def key_stands_out(item: Item) -> str | None:
    """A single-choice key much longer than its distractors."""
    right = [_length(option.text) for option in item.options if option.right]
    wrong = [_length(option.text) for option in item.options if not option.right]
    if item.kind != "single" or len(right) != 1 or not wrong:
        return None
    mean = Fraction(sum(wrong), len(wrong))
    if right[0] > STANDS_OUT * mean and right[0] - mean >= LONGER_BY:
        return f"正确选项 {right[0]} 字，错项平均 {float(mean):.0f} 字，一眼能看出；请写得一样长"
    return None


def absolute_words(item: Item) -> str | None:
    """Words such as 一律 that occur in wrong options only."""
    words = {right: {word for option in item.options if option.right is right for word in ABSOLUTE.findall(option.text)} for right in (True, False)}
    if words[False] and not words[True]:
        return f"“{'、'.join(sorted(words[False]))}”只出现在错项里，会露馅；请改写"
    return None


def bare_letters(item: Item) -> str | None:
    """A rationale that names options by letters, which are others on the reader's screen."""
    found = _BARE.search(item.rationale)
    if found and item.options:
        return f"解析里有选项字母“{found[0]}”，考生看到的次序不同；请写 {{a}}、{{b}} 等记号"
    return None


def plain_negative(item: Item) -> str | None:
    """A question in the negative whose 不 is not bold."""
    return "否定式提问的“不”没有加粗；请写成 **不**" if _NEGATIVE.search(item.stem) else None


def _far(observed: int, chances: Iterable[Fraction]) -> float:
    """Standard deviations of ``observed`` above what independent chances give."""
    all_chances = list(chances)
    variance = float(sum(p * (1 - p) for p in all_chances))
    return (observed - float(sum(all_chances))) / sqrt(variance) if variance else 0.0


def _singles(bank: Mapping[str, Item]) -> list[Item]:
    return [item for item in bank.values() if item.kind == "single" and len(item.key) == 1]


def longest_is_key(bank: Mapping[str, Item]) -> Iterator[str]:
    """The one longest option is the key more often than chance gives."""
    judged = []
    for item in _singles(bank):
        lengths = [_length(option.text) for option in item.options]
        if lengths.count(max(lengths)) == 1:
            judged.append((item.options[lengths.index(max(lengths))].right, Fraction(1, len(lengths))))
    hits = sum(right for right, _ in judged)
    if len(judged) >= FEWEST and _far(hits, (chance for _, chance in judged)) > TOO_FAR:
        yield f"单选题有唯一最长选项的 {len(judged)} 题中，{hits} 题最长的就是答案，明显多于凭机会应有的次数；请缩短正确项或写足错项"


def key_positions(bank: Mapping[str, Item]) -> Iterator[str]:
    """Key positions in the files are far from even (chi-square, p < 0.01), by number of options."""
    for size in range(3, 11):
        places = Counter(next(iter(item.key)) for item in _singles(bank) if len(item.options) == size)
        total = sum(places.values())
        anchors = "abcdefghij"[:size]
        chi = sum((places[anchor] - total / size) ** 2 / (total / size) for anchor in anchors) if total else 0.0
        if total >= FEWEST and chi > _CHI_1_PERCENT[size - 1]:
            counts = "、".join(f"第{place}项 {places[anchor]}" for place, anchor in enumerate(anchors, 1))
            yield f"{size} 个选项的单选题答案位置不匀（{counts}）；请调换次序"


def true_share(bank: Mapping[str, Item]) -> Iterator[str]:
    """True-false items are mostly true or mostly false."""
    right = [item.options[0].right for item in bank.values() if item.kind == "true_false" and item.options]
    if len(right) >= FEWEST:
        far = _far(sum(right), [Fraction(1, 2)] * len(right))
        if abs(far) > TOO_FAR:
            yield f"{len(right)} 道判断题中 {sum(right)} 道正确，偏向一边；请增加另一边的题"


ITEM_RULES: tuple[Callable[[Item], str | None], ...] = (key_stands_out, absolute_words, plain_negative)
BANK_RULES: tuple[Callable[[Mapping[str, Item]], Iterator[str]], ...] = (longest_is_key, key_positions, true_share)
