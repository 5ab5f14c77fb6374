"""The checks run side by side. The order of the findings is that of the checks, and a slow check holds up no other for long."""

import threading
from collections.abc import Iterable
from typing import Any, cast

from biobatch.doctor.examination import examine
from biobatch.doctor.finding import Check, Finding, LeftOut, Unanswered
from biobatch.doctor.view import View

NO_VIEW = cast(View, None)


def finding(cause: str, warning: bool = False) -> Finding:
    return Finding(cause=cause, remedy="mend it", warning=warning)


def check(*answers: Finding | LeftOut, after: threading.Event | None = None) -> Check:
    def run(_: View) -> Iterable[Finding | LeftOut]:
        if after:
            assert after.wait(60)
        yield from answers

    return Check("a check", run)


def test_faults_come_in_the_order_of_the_checks_then_warnings_then_what_was_left_out() -> None:
    late = threading.Event()

    def last(_: View) -> Iterable[Finding | LeftOut]:
        late.set()
        yield finding("third")

    first = check(finding("first"), finding("fourth", warning=True), after=late)
    denied = check(LeftOut("a", "b", "c"), finding("second"))
    answers = list(examine(NO_VIEW, [first, denied, Check("last", last)], patience=60))
    assert [each.cause for each in answers if isinstance(each, Finding)] == ["first", "second", "third", "fourth"]
    assert answers[-1] == LeftOut("a", "b", "c")


def test_a_finding_does_not_wait_for_a_check_that_hangs() -> None:
    goes_on = threading.Event()
    answers = examine(NO_VIEW, [check(finding("slow"), after=goes_on), check(finding("quick"))], patience=0.01)
    assert cast(Finding, next(answers)).cause == "quick"
    goes_on.set()
    assert [cast(Finding, each).cause for each in answers] == ["slow"]


def test_a_question_that_aws_does_not_answer_leaves_the_rest_of_the_findings() -> None:
    def run(_: View) -> Iterable[Finding | LeftOut]:
        yield finding("found before")
        raise Unanswered("ec2:DescribeSubnets", "your credentials lack the right")

    answers = list(examine(NO_VIEW, [Check("network", run), check(finding("other"))]))
    assert [each.cause for each in answers if isinstance(each, Finding)] == ["found before", "other"]
    assert answers[-1] == LeftOut("network", "ec2:DescribeSubnets", "your credentials lack the right")


def test_a_check_that_breaks_is_named_and_the_others_go_on() -> None:
    def broken(_: View) -> Iterable[Finding]:
        nothing: Any = {}
        return [nothing["gone"]]

    answers = list(examine(NO_VIEW, [Check("images", broken), check(finding("other"))]))
    assert answers == [finding("other"), LeftOut("images", "", "the check failed: KeyError 'gone'")]
