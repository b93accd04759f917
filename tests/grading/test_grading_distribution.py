from __future__ import annotations

import xml.etree.ElementTree as ET
from fractions import Fraction

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.distribution import chart_svg, decimal_text, distribution

HUNDRED, SIXTY = Fraction(100), Fraction(60)
scores = st.lists(st.integers(0, 200).map(lambda n: Fraction(n, 2)), min_size=1, max_size=40)


@given(scores)
def test_numbers_agree_with_numpy(totals):
    known = distribution(totals, HUNDRED, SIXTY)
    floats = [float(t) for t in totals]
    assert sum(known.counts) == known.n == len(totals)
    assert known.counts == tuple(numpy.histogram(floats, bins=10, range=(0, 100))[0])
    assert float(known.mean) == pytest.approx(numpy.mean(floats))
    assert float(known.median) == pytest.approx(numpy.median(floats))
    assert known.deviation == pytest.approx(numpy.std(floats))
    assert known.passed == sum(f >= 60 for f in floats)


def test_no_scores_make_an_honest_chart():
    text = chart_svg("某场", distribution([], HUNDRED, SIXTY))
    ET.fromstring(text)
    assert "尚无成绩" in text


def test_the_chart_is_sound_svg_and_hostile_titles_are_text():
    svg = chart_svg('<script>alert(1)</script>" onload="x', distribution([SIXTY, HUNDRED, Fraction(119, 2)], HUNDRED, SIXTY))
    root = ET.fromstring(svg)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names == {"svg", "text", "rect", "line"}
    assert not any("onload" in key for element in root.iter() for key in element.attrib)
    assert "合格线 60 分" in svg and "达到合格线 2 人（66.7%）" in svg


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(Fraction(119, 2), 1, "59.5"), (Fraction(5995, 100), 1, "60"), (Fraction(1, 3), 2, "0.33"), (Fraction(7, 2), 0, "4")],
)
def test_decimal_text_rounds_half_up(value, digits, shown):
    assert decimal_text(value, digits) == shown
