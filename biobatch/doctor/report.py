"""Prints what the doctor finds, for a person as it comes, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from biobatch.doctor.finding import Finding, LeftOut


def show(subject: str, answers: Iterable[Finding | LeftOut], made: int) -> int:
    """Prints each finding as it comes.

    Args:
        subject: what was looked at.
        answers: the findings, and what was left out.
        made: number of checks.

    Returns:
        1 if there is a fault, else 0.
    """
    faults = warnings = 0
    left_out: list[LeftOut] = []
    print(subject, flush=True)
    for answer in answers:
        if isinstance(answer, LeftOut):
            left_out.append(answer)
            continue
        faults += not answer.warning
        warnings += answer.warning
        print(f"\n{faults + warnings}. {'Warning: ' if answer.warning else ''}{answer.cause}.", flush=True)
        for line in answer.evidence:
            print(f"   {line}")
        print(f"   To mend it: {answer.remedy}", flush=True)
    if left_out:
        print("\nNot checked:")
        for each in left_out:
            print(f"   {each.check}: {f'{each.action}, ' if each.action else ''}{each.why}")
    if not faults:
        print(f"\n{'Nothing keeps jobs from running' if warnings else 'Nothing is wrong'}. Checks made: {made}.")
    return 1 if faults else 0


def show_json(subject: str, answers: Iterable[Finding | LeftOut], made: int) -> int:
    """Prints all findings as one JSON object.

    Args:
        subject: what was looked at.
        answers: the findings, and what was left out.
        made: number of checks.

    Returns:
        1 if there is a fault, else 0.
    """
    found = list(answers)
    findings = [asdict(each) for each in found if isinstance(each, Finding)]
    left_out = [asdict(each) for each in found if isinstance(each, LeftOut)]
    print(json.dumps({"subject": subject, "checks": made, "findings": findings, "left_out": left_out}, indent=1))
    return 1 if any(not each["warning"] for each in findings) else 0
