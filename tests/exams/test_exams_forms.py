"""The public face of a form has no secret in it, the key face has all; both survive their files and nothing else is read."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from paper_fixture import ALL_KINDS, draw, small_paper

from exams.blueprint import Blueprint
from exams.errors import ContentError
from exams.forms import (
    key_form,
    public_form,
    read_key_form,
    read_paper,
    read_public_form,
    write_key_form,
    write_public_form,
)
from question_bank.bank import Bank


def test_public_form_holds_no_secret(tmp_path: Path) -> None:
    _, bank, paper, public, key = small_paper(tmp_path)
    said = json.dumps(asdict(public), ensure_ascii=False)
    for item in bank.values():
        for secret in (item.slug, item.rationale, item.model_answer, item.author, str(item.law[0]), *(point.text for point in item.scoring_points)):
            assert not secret or secret not in said, secret
        assert item.stem.splitlines()[0].replace("*", "") in said.replace("*", "").replace("<strong>", "").replace("</strong>", "")
    fields = {name for question in public.questions for name in asdict(question)}
    assert fields == {"id", "kind", "part", "points", "html", "options", "fixed_order", "text", "option_texts"}
    assert [question.id for question in public.questions] == [entry.id for entry in key.entries]
    assert paper.forms[0].form == public.form == key.form


def test_keys_follow_the_options_to_their_new_places(tmp_path: Path) -> None:
    for seed in range(5):
        _, bank, _, public, key = small_paper(tmp_path, seed)
        for question, entry in zip(public.questions, key.entries, strict=True):
            item = bank[entry.item]
            right = {text for letter, text in zip("ABCDEFGHIJ", question.option_texts, strict=False) if letter in entry.key}
            assert right == {option.text for option in item.options if option.right}
            assert entry.key == "".join(sorted(entry.key))
            if item.fixed_order:
                assert question.fixed_order and entry.anchors == "".join(option.anchor for option in item.options)
    kinds = [entry.kind for entry in key.entries]
    assert kinds == ["single", "single", "multiple", "true_false", "short", "case"]
    assert key.entries[4].scoring_points[1] == ("3/2", "陈述、申辩、要求听证等权利") and key.entries[4].rule == "manual"


def test_options_stay_when_the_blueprint_says_so(tmp_path: Path) -> None:
    _, bank, *_ = small_paper(tmp_path)
    blueprint = Blueprint.parse("shuffle_options = false\nshuffle_questions = false\n" + ALL_KINDS)
    for seed in range(4):
        paper = draw(blueprint, bank, seed)
        public = public_form(paper, "A", blueprint, bank)
        assert not public.shuffle_questions
        assert all(question.fixed_order for question in public.questions)
        assert all(q.anchors == "".join(o.anchor for o in bank[q.item].options) for q in paper.forms[0].questions)


def test_hostile_item_text_is_inert_in_the_public_form(tmp_path: Path) -> None:
    blueprint, bank, paper, *_ = small_paper(tmp_path)
    slug = paper.forms[0].questions[0].item
    hostile = Bank([replace(item, stem="<script>alert(1)</script> [x](javascript:1)") if item.slug == slug else item for item in bank.values()])
    html = public_form(paper, "A", blueprint, hostile).questions[0].html
    assert "<script" not in html and "href" not in html


def test_files_survive_and_foreign_or_damaged_ones_are_refused(tmp_path: Path) -> None:
    _, _, paper, public, key = small_paper(tmp_path / "bank")
    write_public_form(tmp_path / "A.json", public)
    write_key_form(tmp_path / "key.json", key)
    (tmp_path / "manifest.json").write_text(json.dumps(paper.to_json()), encoding="utf-8")
    assert read_public_form(tmp_path / "A.json") == public
    assert read_key_form(tmp_path / "key.json") == key
    assert read_paper(tmp_path / "manifest.json") == paper
    assert (tmp_path / "key.json").stat().st_mode & 0o077 == 0

    plain = json.loads((tmp_path / "A.json").read_text(encoding="utf-8"))
    plain["questions"][0]["key"] = "A"
    bad = {
        "extra.json": json.dumps(plain).encode(), "half.json": (tmp_path / "A.json").read_bytes()[:200], "none.json": b"null",
        "deep.json": b"[" * 100_000, "latin.json": b'{"paper": "\xff"}', "key-as-public.json": (tmp_path / "key.json").read_bytes(),
    }  # fmt: skip
    for name, raw in bad.items():
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(ContentError, match="损坏或被改动"):
            read_public_form(tmp_path / name)
    with pytest.raises(ContentError, match="缺失"):
        read_key_form(tmp_path / "nothing.json")


def test_an_unknown_form_is_an_error(tmp_path: Path) -> None:
    blueprint, bank, paper, *_ = small_paper(tmp_path)
    with pytest.raises(KeyError):
        key_form(paper, "Z", blueprint, bank)
