"""Every command that the documentation prints is run by a test, or says why not."""

from tests.docs import pages


def test_every_block_of_commands_says_where_it_runs_or_why_it_does_not() -> None:
    found = [block for page in pages.written() if page not in pages.TESTED_APART for block in pages.blocks(page)]
    assert len(found) > 30
    assert [(block.page, block.commands) for block in found if not block.kind and not block.reason] == []


def test_every_block_that_runs_has_a_place_that_a_test_knows() -> None:
    kinds = {block.kind for page in pages.written() for block in pages.blocks(page)}
    assert kinds == {"", *pages.KINDS}


def test_every_page_that_works_on_the_stack_on_aws_is_run() -> None:
    assert {block.page for block in pages.commands("account")} <= set(pages.ON_AWS)


def test_the_page_without_an_account_starts_with_make_demo() -> None:
    assert [block.commands for block in pages.commands("alone")] == ["make demo\n"]
    assert "make demo" in pages.text("docs/tutorial/local.md")


def test_readme_creates_the_stack_as_the_tutorial_does() -> None:
    (commands,) = (block.commands for block in pages.blocks("README.md") if block.kind == "account")
    assert commands in [block.commands for block in pages.blocks("docs/tutorial/aws.md")]


def test_readme_is_one_page() -> None:
    assert len(pages.text("README.md").splitlines()) < 150
