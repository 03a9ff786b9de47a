"""The pages' languages: which one a reader is given, its table of words (`web/lang/*.json`), and the templates of
`web/` filled with them. Pure but for the files, which are read once; any thread may call it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Final

_PACKAGE: Final = Path(__file__).parents[2]
WEB: Final = _PACKAGE / "web" if (_PACKAGE / "web").is_dir() else _PACKAGE.parent / "web"
"""Where the files of `web/` are: inside an installed package, beside it in a checkout."""

LANGUAGES: Final = ("en", "de", "es", "fr", "pt", "ru", "zh", "ja")
"""What there is a table of; the first is for everybody who asks for none of them."""
_MOST_ASKED: Final = 20


@dataclass(frozen=True, slots=True)
class Edition:
    """One reader's pages: their language, and what the operator calls the whole."""

    language: str = LANGUAGES[0]
    site: str = "Radio"

    def template(self, name: str) -> Template:
        """A file of `web/` in which `{{section.key}}` has become the word; the rest is for `string.Template`."""
        return _template(name, self.language)

    def word(self, key: str, **values: object) -> str:
        """The text that the table has as `section.key`, with `{name}` and the like filled in. Not escaped."""
        text = str(self.section(key.partition(".")[0])[key.partition(".")[2]])
        return re.sub(r"\{(\w+)\}", lambda place: str(values[place[1]]), text)

    def count(self, key: str, n: int) -> str:
        """The text for so many."""
        section, _, name = key.partition(".")
        forms = self.section(section)[name]
        return str(forms.get(plural(self.language, n), forms["other"])).replace("{n}", str(n))

    def section(self, name: str) -> dict[str, Any]:
        """A part of the table, as the page's script gets it."""
        section: dict[str, Any] = _table(self.language)[name]
        return section


ENGLISH: Final = Edition()


def chosen(asked: str | None, accept_language: str) -> str:
    """The language of a page: what `?lang=` asks for, else the best that an Accept-Language header names (RFC 9110
    §12.5.4), else English. Regions are passed over: `pt-BR` is `pt`."""
    if asked is not None and _primary(asked) in LANGUAGES:
        return _primary(asked)
    ranked: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:_MOST_ASKED]:
        tag, _, weight = part.partition(";")
        if (language := _primary(tag)) in LANGUAGES:
            ranked.append((_weight(weight), language))
    best = max(ranked, key=lambda one: one[0], default=(0.0, ""))
    return best[1] if best[0] > 0 else LANGUAGES[0]


def _primary(tag: str) -> str:
    return tag.strip().lower().replace("_", "-").partition("-")[0]


def _weight(text: str) -> float:
    """The `q=` of a language, 1 where none is given, 0 where it is none."""
    name, _, value = text.replace(" ", "").partition("=")
    if not name:
        return 1.0
    is_number = name == "q" and value.replace(".", "", 1).isascii() and value.replace(".", "", 1).isdigit()
    return float(value) if is_number and len(value) < 8 else 0.0


def plural(language: str, n: int) -> str:
    """The plural category of a whole number, as the Unicode CLDR has it for the languages that there are."""
    if language in ("zh", "ja"):
        return "other"
    if language == "ru":
        if n % 10 == 1 and n % 100 != 11:
            return "one"
        return "few" if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else "many"
    return "one" if n == 1 or (n == 0 and language in ("fr", "pt")) else "other"


@cache
def _table(language: str) -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = json.loads((WEB / "lang" / f"{language}.json").read_text(encoding="utf-8"))
    return table


@cache
def _template(name: str, language: str) -> Template:
    text = (WEB / name).read_text(encoding="utf-8").replace("{{lang}}", language)
    before, *rest = text.split("{{")
    for part in rest:
        key, _, after = part.partition("}}")
        section, _, word = key.partition(".")
        shown = escape(_table(language)[section][word]).replace("$", "$$")
        before += shown.replace("{", "${") + after
    return Template(before)
