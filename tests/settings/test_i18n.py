"""Every text that the code speaks exists in both languages, and says the same with the same values."""

import ast
import gettext
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from stationmaster import i18n
from stationmaster.locale import __main__ as catalogues

SOURCE = Path(i18n.__file__).parent
OTHERS = [language for language in i18n.LANGUAGES if language != "en"]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    token = i18n._language.set(None)
    yield
    i18n._language.reset(token)


def ids(text: object) -> tuple[str, ...]:
    """A message's id: one text, or one for one thing and one for many."""
    return tuple(text) if isinstance(text, list | tuple) else (str(text),)


def used() -> set[tuple[str, ...]]:
    """The ids in the code."""
    return {ids(message.id) for message in catalogues.template() if message.id}


def braces(text: str) -> set[str | None]:
    """The names in a text's braces."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    """Each text of the code has a translation, and no translation is of a text that is gone: if this fails, run
    `python -m stationmaster.locale` and translate what is empty."""
    said = {ids(message.id): ids(message.string) for message in catalogues.read(language) if message.id}
    assert said.keys() == used()
    assert [text for text, translation in said.items() if not all(translation)] == []


def test_nothing_is_said_within_an_f_string() -> None:
    """Texts in f-strings' braces are not found by whoever collects them, and so never translated."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        strings = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.JoinedStr))
        calls = (each for node in strings for each in ast.walk(node) if isinstance(each, ast.Call))
        found += [f"{path.name}:{each.lineno}" for each in calls if getattr(each.func, "id", "") in ("tr", "trn", "marked")]
    assert found == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_the_values(language: str) -> None:
    """A translation has the values that the text of many has, so that nothing is lost and nothing fails to format."""
    for message in catalogues.read(language):
        for translation in ids(message.string) if message.id and message.string else ():
            assert braces(translation) == braces(ids(message.id)[-1]), message.id


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_read_is_what_is_edited(language: str) -> None:
    """The compiled catalogue holds the edited one's texts; `python -m stationmaster.locale` compiles it."""
    texts = gettext.translation(i18n.DOMAIN, i18n.FOLDER, [language.replace("-", "_")])
    for message in catalogues.read(language):
        if not all(ids(message.string)):
            continue
        if isinstance(message.id, list | tuple):
            one, many = message.id
            assert texts.ngettext(one, many, 5) == ids(message.string)[-1]
        elif message.id:
            assert texts.gettext(str(message.id)) == message.string


def test_only_literals_are_spoken() -> None:
    """A text that is put together cannot be held against the catalogue: `tr`, `trn` and `marked` are given literals."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"tr", "trn", "marked"}:
                texts = node.args[: 2 if node.func.id == "trn" else 1]
                assert all(isinstance(text, ast.Constant) and isinstance(text.value, str) for text in texts), path


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_nothing_stays_nothing(language: i18n.Language) -> None:
    """An empty text is empty in every language, and not the head of the catalogue."""
    with i18n.spoken(language):
        assert (i18n.told(""), i18n.tr(""), i18n.known("")) == ("", "", None)


def test_both_languages() -> None:
    """The same call speaks the language that is set, with its values, and counts."""
    i18n.use("en")
    assert i18n.tr("{place} is free", place=":1") == ":1 is free"
    assert [i18n.trn("{number} warning", "{number} warnings", n) for n in (1, 2)] == ["1 warning", "2 warnings"]
    i18n.use("zh-CN")
    assert i18n.tr("{place} is free", place=":1") == ":1 空闲"
    assert i18n.trn("{number} warning", "{number} warnings", 1) == "1 个警告"
    with pytest.raises(ValueError, match="fr"):
        i18n.use("fr")


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB"}, "en"),
        ({"LANG": "en_GB", "LC_MESSAGES": "zh_CN"}, "zh-CN"),
        ({"LANG": "en_GB", "LANGUAGE": "zh_CN:en"}, "zh-CN"),
        ({"LANG": "zh_CN", "LC_ALL": ""}, "zh-CN"),
    ],
)
def test_the_terminals_language(environ: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is set, the language is the terminal's, by POSIX's order of variables and gettext's LANGUAGE."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    i18n.use("auto")
    assert i18n.tr("no proxy is set") == {"en": "no proxy is set", "zh-CN": "没有设置代理"}[language]
