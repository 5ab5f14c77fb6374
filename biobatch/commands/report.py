"""Runs `biobatch report`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from biobatch.commands.context import Context
from biobatch.job import Job
from biobatch.page import contents, gather, job, prices, publish, tables
from biobatch.page.contents import Contents
from biobatch.page.prices import Prices
from biobatch.run import record
from biobatch.run.followed import Followed
from biobatch.run.record import Run
from biobatch.uris import S3Uri, parse_folder

#: Seconds for which the address of the page works.
_SECONDS = 12 * 3600


def run(given: argparse.Namespace, context: Context) -> int:
    """Writes the page of a run and prints where it is."""
    known = prices.read(given.prices) if given.prices else None
    found = record.read(context.clients.s3, context.stack.bucket, given.run)
    page, made = write(context, found, known)
    if given.json:
        print(tables.as_json(made), end="")
    print_place(context, page, to_error=given.json)
    return 0


def write(context: Context, run: Run, known: Prices | None = None) -> tuple[S3Uri, Contents]:
    """Writes the page of a run.

    Args:
        context: what the command works on.
        run: the run.
        known: prices to use. None takes those that come with Biobatch, with the account's Spot history where it may be read.

    Returns:
        The page, and what it shows.
    """
    figures = gather.gather(context.clients, run, context.stack.log_group)
    chosen = known or _prices(context, run.submitted)
    made = contents.build(figures, chosen)
    page = publish.write(context.clients.s3, parse_folder(run.output_prefix), made)
    return page, made


def page_job(context: Context, run: Run, jobs: Sequence[Job]) -> Job:
    """The last job of a run, which makes its page without a client. Uploads what the job needs.

    Args:
        context: what the command works on.
        run: the run.
        jobs: the other jobs.
    """
    bucket, region = context.stack.bucket, context.stack.region
    job.stage(context.clients.s3, bucket, run.run)
    folder = parse_folder(run.output_prefix)
    return job.make(run=run.run, bucket=bucket, region=region, output_prefix=folder, after=job.ends(jobs))


def is_page_made(followed: Sequence[Followed]) -> bool:
    """Whether the last job of a run has made its page."""
    return any(each.submitted.job.step == job.STEP and each.status == "SUCCEEDED" for each in followed)


def finish_page(context: Context, run: Run, *, is_made: bool) -> None:
    """Prints where the page of a run is that has ended, and makes it if its job did not. A page that cannot be made is a warning.

    Args:
        context: what the command works on.
        run: the run.
        is_made: whether the last job of the run has made the page.
    """
    page = parse_folder(run.output_prefix) / f"{publish.FOLDER}/index.html"
    try:
        if not is_made:
            page, _ = write(context, record.read(context.clients.s3, run.bucket, run.run))
    except (ClientError, BotoCoreError) as error:
        print(
            f"biobatch: warning: the page of the run was not made: {error}. Make it: biobatch report {run.run}",
            file=sys.stderr,
        )
        return
    print()
    print_place(context, page)


def _prices(context: Context, since: float) -> Prices:
    chosen = prices.read()
    # The local stack has no Spot market.
    if context.target.is_local:
        return chosen
    try:
        return prices.with_spot_history(chosen, context.clients.ec2, since, time.time())
    except (ClientError, BotoCoreError):
        return chosen


def print_place(context: Context, page: S3Uri, *, to_error: bool = False) -> None:
    """Prints where the page is and how to look at it."""
    address = context.clients.s3.generate_presigned_url(
        "get_object", Params={"Bucket": page.bucket, "Key": page.key}, ExpiresIn=_SECONDS
    )
    out = sys.stderr if to_error else sys.stdout
    print(f"The page of the run: {page}", file=out)
    print(f"  Download it: aws s3 cp --recursive '{page.parent}' report", file=out)
    print(f"  Open it in a browser, up to {_SECONDS // 3600} hours while your credentials last:\n  {address}", file=out)
