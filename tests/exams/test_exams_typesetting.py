from __future__ import annotations

import pytest

from exams.typesetting import TypesettingError, set_pdf


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "one.typ"
    path.write_text("#let data = json(bytes(sys.inputs.data))\n#set text(font: data.serif)\n#data.name", encoding="utf-8")
    return path


def test_rare_characters_are_set(template):
    assert set_pdf(template, {"name": "张𠮷䶮𫖯𫚥"}).startswith(b"%PDF")


def test_a_character_that_no_font_has_is_named_and_the_template_is_not_blamed(template):
    with pytest.raises(TypesettingError, match="没有“\U00031350”字"):
        set_pdf(template, {"name": "张\U00031350"})


def test_a_broken_template_is_named(template):
    template.write_text("#let x = (", encoding="utf-8")
    with pytest.raises(TypesettingError, match=r"one\.typ:1：模板排不出版"):
        set_pdf(template, {})
