"""Sphinx's configuration. `make docs` builds the site in docs/build from plain Markdown, which GitHub also shows.

The site uses Sphinx with MyST and the Furo theme. All three have releases of 2025 or 2026. They read CommonMark as GitHub does, report dead
links and anchors, and search without a server. MkDocs has had no release since August 2024, and Material for MkDocs ends in May 2027. Its
successor Zensical is before version 1.0, reads Markdown differently from GitHub, and loads a script from a CDN to search without a server.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

#: The pages, in the order of the navigation. The build fails if a page is missing in this list, or a listed page does not exist.
NAVIGATION = {
    "Tutorial": ["tutorial/local", "tutorial/aws"],
    "How to": [
        "how-to/your-machine",
        "how-to/run-a-sample",
        "how-to/many-samples",
        "how-to/compare-samples",
        "how-to/follow-a-run",
        "how-to/other-reads",
        "how-to/look-at-results",
        "how-to/read-the-report",
        "how-to/add-a-tool",
        "how-to/second-user",
        "how-to/leave-the-local-shell",
        "how-to/prepare-an-account",
        "how-to/existing-buckets",
        "how-to/existing-network",
        "how-to/private-only",
        "how-to/graviton",
        "how-to/fair-share",
        "how-to/notices",
        "how-to/engines",
        "how-to/engines/nextflow",
        "how-to/engines/snakemake",
        "how-to/engines/redun",
        "how-to/engines/other",
        "how-to/engines/approve",
        "how-to/engines/head",
        "how-to/other-programs",
        "how-to/monthly-upkeep",
        "how-to/upgrade",
        "how-to/doctor",
        "how-to/troubleshooting",
        "how-to/first-account",
    ],
    "Reference": [
        "reference/configuration",
        "reference/outputs",
        "reference/client",
        "reference/job-environment",
        "reference/aws",
        "reference/exit-codes",
        "reference/components",
        "glossary",
    ],
    "Explanation": [
        "explanation/architecture",
        "explanation/accuracy",
        "explanation/staging",
        "explanation/security",
        "explanation/comparison",
        "explanation/cost",
        "explanation/cost-of-a-run",
        "explanation/updating-a-stack",
        "explanation/alternatives",
        "benchmarks",
    ],
    "Project": ["contributing", "style", "changelog"],
}

project = "Biobatch"
# Sphinx's environment does not contain the package, so this reads the version from the source.
version = release = re.findall(r'__version__ = "(.+)"', (ROOT / "biobatch" / "__init__.py").read_text())[0]
language = "en"
extensions = ["myst_parser"]
exclude_patterns = ["build", "site"]
nitpicky = True
# With smart quotes, the dashes of an option such as --stack would change.
smartquotes = False

# Only these extensions are part of GitHub's Markdown.
myst_enable_extensions = {"alert", "gfm_autolink", "strikethrough", "tasklist"}
myst_heading_anchors = 6

html_theme = "furo"
html_title = f"Biobatch {version}"
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options: dict[str, list[str]] = {"top_of_page_buttons": []}
# By default, Sphinx colors a block without a language as Python.
highlight_language = "none"
pygments_style = "friendly"


def navigate(_: Sphinx, page: str, source: list[str]) -> None:
    """Adds the navigation to the first page. The page's file does not contain it, because GitHub would show it as code."""
    if page == "index":
        for caption, pages in NAVIGATION.items():
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"


class Pictures(SphinxTransform):
    """Replaces a page's Mermaid diagram by the picture from `make pictures`. GitHub draws the diagram itself, but a browser would need a library."""

    default_priority = 200

    def apply(self, **_: Any) -> None:
        for block in list(self.document.findall(nodes.literal_block)):
            if block.get("language") == "mermaid":
                digest = hashlib.sha256(block.astext().strip().encode()).hexdigest()
                pictures = (DOCS / "pictures").glob("*.svg")
                picture = next((picture for picture in pictures if digest in picture.read_text()), None)
                if not picture:
                    logging.getLogger(__name__).warning(
                        "no picture is of this Mermaid diagram. Draw it: make pictures ONLY=components", location=block
                    )
                    continue
                image = nodes.image(uri=f"/pictures/{picture.name}", alt="Diagram of what the page describes")
                image["candidates"] = {}
                block.replace_self(image)


class FilesOfTheClone(SphinxTransform):
    """Replaces links to files of the clone by their text, because the links work only on GitHub. Reports a file that does not exist."""

    default_priority = 5

    def apply(self, **_: Any) -> None:
        folder = Path(self.env.doc2path(self.env.docname)).parent
        for link in [
            *self.document.findall(addnodes.pending_xref),
            *self.document.findall(addnodes.download_reference),
        ]:
            path = str(link.get("reftarget", "")).partition("#")[0]
            target = (folder / path).resolve()
            if path and ROOT in target.parents and DOCS not in target.parents:
                # MyST removes the suffix of a Markdown file.
                if not target.exists() and not target.with_name(f"{target.name}.md").exists():
                    logging.getLogger(__name__).warning("the clone has no file %s", path, location=link)
                link.replace_self(link.children)


def setup(app: Sphinx) -> None:
    app.connect("source-read", navigate)
    app.add_transform(Pictures)
    app.add_transform(FilesOfTheClone)
