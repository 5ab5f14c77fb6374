"""Runs `biobatch call-variants`."""

from __future__ import annotations

import argparse

from biobatch import capacity, objects, sizes, variants
from biobatch.calling import parse_calling
from biobatch.commands.context import Context, finish_calls, follow, new_run, print_detached, print_warnings, start
from biobatch.commands.dry_run import print_estimate
from biobatch.commands.report import finish_page, is_page_made, page_job
from biobatch.refusal import Faults
from biobatch.request import parse_request
from biobatch.run import record
from biobatch.run.parts import group
from biobatch.run.submit import refuse_beside_earlier
from biobatch.sheet.folder import Row
from biobatch.sheet.folder import text as sheet_text
from biobatch.sheet.read import Sheet, read_sheet
from biobatch.sheet.upload import upload
from biobatch.uris import S3Uri, parse_folder


def run(given: argparse.Namespace, context: Context) -> int:
    """Calls the variants of samples."""
    context.announce()
    stack, clients = context.stack, context.clients
    faults = Faults()
    queue = faults.read(stack.queue, given.queue or "main", "--queue")
    sheet = _sheet(given, context, faults)
    request = parse_request(
        faults,
        reference=given.reference,
        samples=given.sample,
        sheet=sheet.samples,
        output_prefix=given.output_prefix,
        calling=parse_calling(
            faults,
            platform=given.platform,
            ploidy=given.ploidy,
            ploidy_file=given.ploidy_file,
            min_depth=given.min_depth,
            min_qual=given.min_qual,
            min_mapq=given.min_mapq,
            targets=given.targets,
            regions=given.regions,
            primers=given.primers,
            keep_duplicates=given.keep_duplicates,
            consensus=given.consensus,
            cram=given.cram,
        ),
        truth=given.truth,
        truth_sample=given.truth_sample,
        confident=given.confident,
        joint=given.joint,
        distances=given.distances,
        require_fastqc=given.require_fastqc,
        timeout_hours=given.timeout_hours,
    )
    if sheet.uploads and not given.dry_run:
        # An upload takes long, so everything else is checked first.
        faults.add(objects.look_up(clients.s3, set(request.objects()) - set(sheet.uploads))[1])
        faults.refuse()
        upload(clients.s3, sheet.uploads)
    definitions = sizes.defaults(clients.batch, stack.job_definition_arns)
    available = capacity.read(clients, stack, queue) if queue else None
    local = {uri: path.stat().st_size for uri, path in sheet.uploads.items()} if given.dry_run else None
    plan = variants.prepare(request, faults, clients, definitions, available, local)
    assert available is not None
    refuse_beside_earlier(clients, stack, available.queue.arn, plan.jobs)
    print_warnings([*available.notes, *capacity.warnings(available, plan.jobs, definitions)])
    if given.dry_run:
        reads = {sample.name: {uri.name: plan.known[uri].size for uri in sample.reads} for sample in request.samples}
        print_estimate(group("dry-run", plan.jobs, definitions), plan.bases, reads, given.json)
        return 0
    run = new_run(context, given, available.queue.arn, request.output_prefix, len(request.samples))
    rows = [Row(sample.name, lane.name, *map(str, lane.reads)) for sample in request.samples for lane in sample.lanes]
    record.write_samples(clients.s3, run, sheet_text(rows))
    jobs = [*plan.jobs, page_job(context, run, plan.jobs)]
    submitted = start(context, run, group(run.run, jobs, definitions), given.json and given.detach)
    if given.detach:
        print_detached(context, run)
        return 0
    followed = follow(context, available.queue, run, submitted)
    code = finish_calls(context, run, followed, plan.jobs)
    finish_page(context, run, is_made=is_page_made(followed))
    return code


def _sheet(given: argparse.Namespace, context: Context, faults: Faults) -> Sheet:
    """The samples of --samples, and the files that --upload uploads. Without --samples, there are none."""
    folder = None
    if given.upload is not None:
        default = f"s3://{context.stack.bucket}/reads/"
        folder = faults.read(parse_folder, given.upload or default, "--upload") or S3Uri("", "")
        if not given.samples:
            faults.add(["--upload: it belongs to --samples, which you did not give. To upload single files: aws s3 cp"])
    if not given.samples:
        return Sheet(samples=())
    sheet = faults.read(
        lambda source: read_sheet(source, lambda: context.clients.s3, folder), given.samples, "--samples"
    )
    if not sheet:
        return Sheet(samples=())
    print_warnings([f"{given.samples}: {note}" for note in sheet.notes])
    return sheet
