"""The page as HTML: what it says, that it needs nothing else, and its size."""

import csv
import io
import itertools
import json
import re
from html.parser import HTMLParser

import pytest

from biobatch.aws import Aws
from biobatch.page import contents, gather, html, prices, publish, tables
from biobatch.page.contents import Contents
from biobatch.page.model import RunFigures
from biobatch.uris import parse_folder
from tests.unit.biobatch.page import runs, stored

#: Files beside the page, which it links to.
_BESIDE = ("report.json", "samples.tsv")


def page(figures: RunFigures) -> tuple[Contents, str]:
    made = contents.build(figures, prices.read())
    return made, html.render(made)


def words(text: str) -> str:
    """The visible text of HTML."""
    parts: list[str] = []

    class Reader(HTMLParser):
        hidden = 0

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.hidden += tag in ("style", "script")

        def handle_endtag(self, tag: str) -> None:
            self.hidden -= tag in ("style", "script")

        def handle_data(self, data: str) -> None:
            if not self.hidden:
                parts.append(data)

    Reader().feed(text)
    return " ".join(" ".join(parts).split())


@pytest.fixture
def small(clients: Aws) -> tuple[Contents, str]:
    return page(gather.gather(clients, stored.store(clients), ask_batch=False))


def test_failures_come_first_with_the_remedy_and_commands_to_paste(small: tuple[Contents, str]) -> None:
    text = words(small[1])
    assert text.index("Failed: a_R1 align") < text.index("What the tools measured")
    assert "Exit code 65" in text
    assert "An input is damaged or was overwritten. Upload it again, then resume the run." in text
    assert f"biobatch logs {stored.NAME} a_R1 align aws s3 ls --recursive 's3://data/out/failed/id-align_1/'" in text
    assert f"biobatch resume {stored.NAME}" in text
    assert "1 job was not run" in text


def test_figures_that_are_not_known_are_said_to_be(small: tuple[Contents, str]) -> None:
    text = words(small[1])
    assert "Jobs of the run may still be running" in text
    assert "unknown : 4" in text
    row = text[text.index("late ? unknown") :]
    assert row.startswith("late ? unknown – – – – – – – – – –")


def test_the_table_has_the_figures_of_the_tools(small: tuple[Contents, str]) -> None:
    # Reads, mapped, depth, callable, duplicates, insert size, SNPs, indels, Ti/Tv, FastQC.
    row = "a ✔ succeeded 20,000 95.0 % 30.0 95.0 % 1.0 % 398 474 9 0.49 ✘ 1 fail ▲ 1 warn"
    assert row in words(small[1])
    assert "a : 3 of 40 calls have under 80% of the reads. Is the sample a mixture?; the file was cut off; " in words(
        small[1]
    )


def test_texts_of_a_run_are_escaped(small: tuple[Contents, str]) -> None:
    assert "sheet &lt;1&gt;.csv" in small[1]
    assert "sheet <1>.csv" not in small[1]


def test_the_price_file_and_its_date_are_named(small: tuple[Contents, str]) -> None:
    assert f"prices of {prices.read().date} in us-east-1" in words(small[1])


@pytest.mark.parametrize("count", [1, 3, 30, 1000])
def test_the_page_is_one_small_file_that_fetches_nothing(count: int) -> None:
    _, text = page(runs.figures(count))
    assert len(text.encode()) < 3_000_000
    links = re.findall(r"""(?:src|href)="([^"]*)""", text)
    assert [link for link in links if not link.startswith(("#", "data:")) and link not in _BESIDE] == []
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_a_cohort_of_a_thousand_samples_is_shown_in_full() -> None:
    figures = runs.figures(1000, failing=3)
    made, text = page(figures)
    assert made.states == {"succeeded": 1 + 2000 + 2 * 997, "failed": 3, "not run": 3}
    assert all(f'<th scope="row">{sample.name}</th>' in text for sample in figures.samples)
    assert "✘ Failed: S0001" in words(text).replace("Failed : ", "Failed: ")
    assert "and 2 more" in words(text)


def test_every_table_has_a_caption_and_headers_with_a_scope() -> None:
    _, text = page(runs.figures(30))
    assert text.count("<table") == text.count("<caption") > 2
    assert re.findall(r"<th(?![^>]*scope=)[ >]", text) == []
    levels = [int(level) for level in re.findall(r"<h(\d)", text)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_odd_samples_are_marked_with_a_sign_and_in_words() -> None:
    figures = runs.figures(30)
    odd = figures.samples[5]
    made, text = page(figures)
    assert {"depth", "reads", "mapped_percent", "callable_percent"} <= set(made.marks[odd.name])
    assert f"▼&nbsp;{odd.depth:.1f}</td>" in text
    assert made.marks[odd.name]["depth"].words in words(text)


def test_the_files_for_programs_hold_the_same_figures(small: tuple[Contents, str]) -> None:
    files = publish.files(small[0])
    values = json.loads(files["report.json"])
    assert values["format"] == tables.FORMAT
    assert values["samples"][0]["insert_size"] == 398.5
    assert {job["state"] for job in values["jobs"]} == {"succeeded", "reused", "failed", "not run", "unknown"}
    assert values["failures"][0]["exit_code"] == 65
    assert values["cost"]["prices"]["date"] == prices.read().date
    rows = list(csv.DictReader(io.StringIO(files["samples.tsv"]), delimiter="\t"))
    assert [row["sample"] for row in rows] == ["a", "a_R1", "late"]
    assert (rows[0]["reads"], rows[0]["fastqc_fail"], rows[0]["filtered"]) == (
        "20000",
        "R1: Adapter Content",
        "LowDepth 2",
    )
    assert (rows[2]["reads"], rows[2]["state"]) == ("", "unknown")


def test_the_files_are_written_under_the_output_prefix(clients: Aws, small: tuple[Contents, str]) -> None:
    uri = publish.write(clients.s3, parse_folder(stored.PREFIX), small[0])
    assert str(uri) == "s3://data/out/report/index.html"
    answer = clients.s3.get_object(Bucket="data", Key="out/report/index.html")
    assert answer["ContentType"] == "text/html; charset=utf-8"
    assert answer["Body"].read().decode() == small[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (0.000004, "< 0.00001"), (0.00012, "0.00012"), (0.053, "0.053"), (5.389, "5.39"), (1234.5, "1,234.50")],
)
def test_amounts_keep_two_digits(seconds: float, text: str) -> None:
    assert html._money(seconds) == text


def test_a_share_below_all_is_not_rounded_to_all() -> None:
    assert (html._percent(99.99), html._percent(100.0), html._percent(None)) == ("99.9 %", "100.0 %", "unknown")
