"""The documentation's site: whole, in both languages, and readable without a network."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
_ADDRESS = re.compile(r'<(?:script|link|img|source|iframe|object)\b[^>]*?\b(?:src|href|srcset|data)="([^"]+)"')


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, made as `make site` does."""
    out = tmp_path_factory.mktemp("site") / "html"
    subprocess.run([sys.executable, "-m", "tools.docsite", str(out)], check=True, cwd=ROOT, timeout=280)
    return out


@pytest.mark.timeout(300)      # seconds: some hundred pages
def test_it_is_whole(made: Path) -> None:
    """Every page of docs/ is in it, but for the folders' own lists; making it warns of nothing, so every link leads somewhere."""
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    lists = {Path("README.html"), Path("decisions/README.html")}
    assert pages - lists <= {path.relative_to(made) for path in made.rglob("*.html")}


@pytest.mark.timeout(300)
def test_nothing_is_fetched(made: Path) -> None:
    """No page takes a script, a style, a font or a picture from elsewhere; what it takes is there."""
    for page in made.rglob("*.html"):
        for address in addresses(page):
            parts = urlsplit(address)
            assert (parts.scheme, parts.netloc) in (("", ""), ("data", "")), (page.name, address)
            if not parts.scheme and parts.path:
                assert (page.parent / unquote(parts.path)).exists(), (page.name, address)
    assert not re.search(r"url\(['\"]?(?:https?:)?//", "".join(path.read_text() for path in made.rglob("*.css")))


def addresses(page: Path) -> Iterator[str]:
    """What a browser fetches by itself for a page."""
    yield from _ADDRESS.findall(page.read_text())


@pytest.mark.timeout(300)
def test_pages_say_their_language(made: Path) -> None:
    """Chinese pages are marked as Chinese, all others as English."""
    for page in made.rglob("*.html"):
        language = re.search(r'<html[^>]*\blang="([^"]+)"', page.read_text())
        expected = "zh-CN" if page.parent.name == "zh" or "zh" in page.relative_to(made).parts else "en"
        assert (language[1] if language else "") == expected, page


def test_both_languages_have_the_tour_and_the_how_tos() -> None:
    """The tour and each how-to are there in Chinese, with the same code."""
    docs = ROOT / "docs"
    for english in (docs / "tour.md", docs / "clients.md", *sorted((docs / "vendors").glob("*.md"))):
        chinese = docs / "zh" / english.relative_to(docs)
        assert chinese.exists(), chinese
        assert code(chinese) == code(english), chinese


def code(page: Path) -> list[str]:
    """A page's blocks, less comments."""
    blocks = re.findall(r"^```[a-z]+\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [re.sub(r" *#.*$", "", block, flags=re.MULTILINE) for block in blocks]
