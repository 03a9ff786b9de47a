"""The pages' languages: every table is whole, no text stands outside of them, and each reader gets the own one."""

from __future__ import annotations

import json
import re
import string
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiostream.http.views import editions
from radiostream.http.views.editions import LANGUAGES, WEB, Edition

SCRIPTS = tuple(sorted(WEB.glob("*.js")))
TEMPLATES = tuple(sorted(WEB.glob("*.html")))
OWN_NAMES = {"M3U", "PLS", "HLS", "M", "U"}
"""What is called the same in every language."""
SECTIONS = {
    "player.js": "player", "extras.js": "player", "embed.js": "player", "status.js": "status",
    "shared.js": "player", "cover.js": "player", "stream.js": "player", "sw.js": "player",
    "media.js": "player", "past.js": "status", "plot.js": "status",
}  # fmt: skip


def table(language: str) -> dict[str, dict[str, Any]]:
    """The words of a language, as they are in the tree."""
    words: dict[str, dict[str, Any]] = json.loads((WEB / "lang" / f"{language}.json").read_text(encoding="utf-8"))
    return words


ENGLISH = table("en")


def places(text: Any) -> set[str]:
    """What is filled into a text, the forms of a plural together."""
    joined = " ".join(text.values()) if isinstance(text, dict) else text
    return set(re.findall(r"\{(\w+)\}", joined))


def test_there_is_a_table_for_each_language_and_no_other() -> None:
    """The files of `web/lang/` and the list of languages say the same."""
    assert {file.stem for file in (WEB / "lang").iterdir()} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_table_lacks_a_word(language: str) -> None:
    """Every table has the same sections and keys, none is empty, and each text has the same places to be filled."""
    words = table(language)
    assert {name: set(section) for name, section in words.items()} == {
        name: set(section) for name, section in ENGLISH.items()
    }
    for name, section in words.items():
        for key, text in section.items():
            assert text, (name, key)
            assert places(text) == places(ENGLISH[name][key]), (name, key)
            assert isinstance(text, dict) == isinstance(ENGLISH[name][key], dict), (name, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_has_the_forms_that_its_language_needs(language: str) -> None:
    """For every number up to 200 there is a form, and no form is there that no number uses."""
    used = {editions.plural(language, n) for n in range(200)} | {"other"}
    for section in table(language).values():
        for forms in (text for text in section.values() if isinstance(text, dict)):
            assert set(forms) == used


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_a_table_is_a_translation(language: str) -> None:
    """Hardly a text of more than one word is as it is in English."""
    words = table(language)
    same = [
        key
        for name, section in ENGLISH.items()
        for key, text in section.items()
        if words[name][key] == text and " " in str(text) and re.search("[a-z]{3}", re.sub(r"\{\w+\}", "", str(text)))
    ]
    assert same == []


LABELS = {
    "previous_on": "previous", "next_on": "next", "shuffle_on": "shuffle", "reload_on": "reload",
    "end_on": "end_live", "resume_on": "resume_relay",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_button_is_called_holds_what_it_shows(language: str) -> None:
    """Who speaks to the page says what stands on the button (WCAG 2.5.3)."""
    words = table(language)
    for label, shown in LABELS.items():
        for part in words["page"][shown].lower().split():
            assert part in words["status"][label].lower()


class Texts(HTMLParser):
    """What of a template a reader reads: text, and the attributes that are told or shown."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(markup)

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [v or "" for name, v in attrs if name in ("aria-label", "title", "alt", "placeholder")]
        if ("name", "description") in attrs:
            self.found += [v or "" for name, v in attrs if name == "content"]

    def handle_data(self, data: str) -> None:
        self.found.append(data)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_text_stands_in_a_template(template: Path) -> None:
    """What is left of a template's texts without its places is neither a letter nor a word."""
    for text in Texts(template.read_text(encoding="utf-8")).found:
        left = re.sub(r"\{\{[\w.]+\}\}|\$\{?\w+\}?", " ", text)
        words = set(re.findall(r"[^\W\d_]+", left)) - OWN_NAMES
        assert not words, text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_a_template_is_in_the_tables(template: Path, language: str) -> None:
    """A template can be filled in each language, and its places are names."""
    made = Edition(language).template(template.name)
    assert made.is_valid()
    assert "{{" not in made.template


def test_no_word_is_there_in_vain() -> None:
    """Each word is in a template, or named by a script or a view."""
    views = (Path(editions.__file__).parent, Path(editions.__file__).parents[1] / "handlers")
    sources = [file.read_text(encoding="utf-8") for folder in views for file in folder.glob("*.py")]
    markup = " ".join(file.read_text(encoding="utf-8") for file in (*TEMPLATES, *SCRIPTS)) + " ".join(sources)
    unused = [
        key
        for name, section in ENGLISH.items()
        for key in section
        if not re.search(rf"{name}\.{key}\b|\b{key}\b", markup)
    ]
    assert unused == []


CALLS = re.compile(r"""\b(?:word|count)\((.*?)[,)]""", re.DOTALL)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_word_of_a_script_is_in_its_table(script: Path) -> None:
    """Names that a script asks for by a literal are in the section that its page is given."""
    section = ENGLISH[SECTIONS[script.name]]
    text = re.sub(r"^\s*//.*$", "", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for call in CALLS.findall(text):
        for key in re.findall(r'"(\w+)"', call.partition("?")[2] or call):
            assert key in section, f"{script.name}: {key}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_text_stands_in_a_script(script: Path) -> None:
    """No literal of a script reads like something said: two plain words side by side with a capital in front."""
    text = re.sub(r"//.*$", "", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for literal in re.findall(r"\"([^\"\n]*)\"|`([^`]*)`", text):
        said = re.sub(r"\$\{[^}]*\}", " ", literal[0] or literal[1])
        assert not re.match(r"[A-Z][a-z]+ [a-z]{2,}", said), said


@pytest.mark.parametrize(
    ("asked", "header", "language"),
    [
        (None, "", "en"),
        (None, "de", "de"),
        (None, "pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        (None, "nl,de;q=0.5,fr;q=0.7", "fr"),
        (None, "zh-Hans-CN", "zh"),
        (None, "DE_de", "de"),
        (None, "de;q=0, en;q=0.1", "en"),
        (None, "de;q=0", "en"),
        (None, "*;q=1", "en"),
        (None, "ru;q=nonsense, ja;q=0.2", "ja"),
        ("ja", "de", "ja"),
        ("ja-JP", "de", "ja"),
        ("xx", "de", "de"),
        ("", "de", "de"),
    ],
)
def test_a_reader_gets_the_own_language(asked: str | None, header: str, language: str) -> None:
    """`?lang=` goes before what the browser prefers; what is not there is passed over; English is for all others."""
    assert editions.chosen(asked, header) == language


@given(st.text(alphabet=string.printable), st.one_of(st.none(), st.text()))
def test_no_header_fails(header: str, asked: str | None) -> None:
    """Whatever is sent, one of the languages comes out."""
    assert editions.chosen(asked, header) in LANGUAGES


@pytest.mark.parametrize(
    ("language", "n", "text"),
    [
        ("en", 1, "1 listener"), ("en", 2, "2 listeners"), ("fr", 0, "0 auditeur"), ("ru", 21, "21 слушатель"),
        ("ru", 3, "3 слушателя"), ("ru", 12, "12 слушателей"), ("ja", 1, "リスナー 1人"),
    ],
)  # fmt: skip
def test_counts(language: str, n: int, text: str) -> None:
    """A number has the form that its language wants."""
    assert Edition(language).count("player.listeners", n) == text
