"""The table of public reports is whole: each row is held by a test that exists or waits by name, and each test has a row."""

from collections import Counter
from collections.abc import Iterable

import pytest

from local.paths import ROOT
from tests.field.reports import FIRST_ACCOUNT, OWN_TRIALS, REPORTS, WAITING_ROOMS, Report


class _Collected:
    """A plugin that keeps the node ids of the tests that pytest finds."""

    nodes: frozenset[str] = frozenset()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.nodes = frozenset(item.nodeid for item in session.items)


def collected(files: Iterable[str]) -> frozenset[str]:
    """Node ids of every test in files and folders, as pytest itself finds them.

    pytest runs in this process, which has imported the modules of most of these tests already. A new process would take 10 seconds to
    import them again.
    """
    found = _Collected()
    paths = [str(ROOT / file) for file in sorted(files)]
    options = ["--collect-only", "--quiet", f"--rootdir={ROOT}", "-p", "no:cacheprovider", "-p", "no:xdist"]
    assert pytest.main([*options, *paths], plugins=[found]) == pytest.ExitCode.OK
    return found.nodes


def test_every_report_has_tests_or_waits_in_one_place() -> None:
    assert [report for report in REPORTS if bool(report.tests) == bool(report.waits_for)] == []
    assert {report.waits_for for report in REPORTS} <= {"", *WAITING_ROOMS}


def test_every_report_names_its_source_and_describes_the_problem_in_a_sentence() -> None:
    assert [report for report in REPORTS if not report.sources or report.met[-1:] != "." or "\n" in report.met] == []
    counts = Counter((report.sources, report.met) for report in REPORTS)
    assert [each for each, count in counts.items() if count > 1] == []


def test_every_test_of_a_report_exists_and_every_test_in_tests_field_has_a_report() -> None:
    named = [test for report in REPORTS for test in report.tests]
    tests = collected({test.split("::")[0] for test in named} | {"tests/field"})
    assert [test for test in named if not any(Report("", "", tests=(test,)).names(node) for node in tests)] == []
    beside = {node for node in tests if node.startswith("tests/field/")}
    assert beside
    assert {node for node in beside if not any(report.names(node) for report in REPORTS)} == set()


def test_the_list_for_the_first_account_names_the_reports_that_wait_for_it() -> None:
    text = (ROOT / FIRST_ACCOUNT).read_text()
    assert [
        each for each in REPORTS if each.waits_for == FIRST_ACCOUNT and each.sources.split(",")[0] not in text
    ] == []


def test_the_documentation_counts_the_reports() -> None:
    held = sum(bool(report.tests) for report in REPORTS)
    public = sum(report.sources != OWN_TRIALS for report in REPORTS)
    sentence = (
        f"`tests/field/reports.py` lists {len(REPORTS)} problems that people reported with such systems, {public} of them from public threads. "
        f"For {held} of them, tests show what Biobatch does. {len(REPORTS) - held} are open."
    )
    text = " ".join((ROOT / "docs/explanation/architecture.md").read_text().split())
    assert sentence in text, f"docs/explanation/architecture.md should say: {sentence}"
