"""`python -m docs.site` builds and checks the documentation, and writes the pages and pictures that come from the program."""

import argparse
import sys

from docs.site import check
from docs.site.build import BUILD, build
from local.console import warn
from local.errors import LocalError


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0, or 1 after an error message."""
    parser = argparse.ArgumentParser(prog="python -m docs.site", description="The documentation as a site.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the site and check its links and pages")
    commands.add_parser("reference", help="write the reference pages that come from the program")
    pictures = commands.add_parser("pictures", help="make the pictures, on the local stack")
    pictures.add_argument("only", nargs="*", metavar="NAME", help="the pictures to make; default: all")
    given = parser.parse_args(arguments)
    try:
        match given.command:
            case "build":
                return _build()
            case "reference":
                # These load the program and Pulumi's SDK, which the build does not need.
                from docs.site import reference  # noqa: PLC0415
                from tests.unit.settings import documents  # noqa: PLC0415

                documents.write()
                reference.write()
            case "pictures":
                from docs.site import pictures as made  # noqa: PLC0415

                made.make(given.only)
    except LocalError as error:
        warn(str(error))
        return 1
    return 0


def _build() -> int:
    site, screens = BUILD / "html", BUILD / "screens"
    build(site)
    faults = check.faults(site)
    looked_at = f"looked at every page in Chromium; pictures of them are in {screens}"
    try:
        from docs.site import browser  # noqa: PLC0415 - the site also builds on machines that Playwright does not support

        browser.program()
        faults += browser.faults(site, screens)
    except (LocalError, ImportError) as error:
        looked_at = f"left out the look at every page in a browser: {error}"
    for fault in faults:
        warn(fault)
    if faults:
        warn(f"{len(faults)} faults in the documentation")
        return 1
    print(f"Checked every link and anchor, and {looked_at}.")
    print(f"Open the site: {(site / 'index.html').as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
