# ruff: noqa: INP001  no package: Sphinx reads it
"""How the documentation's site is made: `make site` has Sphinx read docs/ with this, into dist/site. Nothing is fetched: neither
while it is made nor by who reads it."""

from typing import Any

from stationmaster import __version__

project = "Stationmaster"
author = "Stationmaster"
release = version = __version__
extensions = ["myst_parser"]
root_doc = "index"
include_patterns = ["*.md", "*/**.md"]
exclude_patterns = ["README.md", "decisions/README.md"]      # lists for who reads the folders; the site has its own
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]
myst_links_external_new_tab = False
suppress_warnings = ["myst.strikethrough", "misc.highlighting_failure"]
nitpicky = True
pygments_style, pygments_dark_style = "friendly", "github-dark"
html_theme = "furo"
html_title = f"Stationmaster {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"source_repository": "", "sidebar_hide_name": False}
gettext_compact = False


def setup(app: Any) -> None:
    """Chinese pages say that they are."""
    app.connect("html-page-context", _language)


def _language(_app: Any, page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    if page.startswith("zh/"):
        context["language"] = "zh-CN"
