[ -z "${SSL_CERT_FILE:-}" ] || export AWS_CA_BUNDLE="$SSL_CERT_FILE"
cat > s3.py <<'PYTHON'
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3

bucket = os.environ["BUCKET"]
s3 = boto3.client("s3")
action, source, target = sys.argv[1:]
if action == "send":
    tasks = [(s3.upload_file, (f"{source}/{name}", bucket, f"{target}/{name}")) for name in os.listdir(source)]
elif action == "fetch":
    os.makedirs(target, exist_ok=True)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=source + "/")
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    tasks = [(s3.download_file, (bucket, key, f"{target}/{os.path.basename(key)}")) for key in keys]
elif action == "send_one":
    tasks = [(s3.upload_file, (source, bucket, target))]
elif action == "fetch_one":
    tasks = [(s3.download_file, (bucket, source, target))]
elif action == "stream_in":
    tasks = [(s3.upload_fileobj, (sys.stdin.buffer, bucket, target))]
else:
    tasks = [(s3.download_fileobj, (bucket, source, sys.stdout.buffer))]
with ThreadPoolExecutor(4) as pool:
    for done in [pool.submit(task, *arguments) for task, arguments in tasks]:
        done.result()
PYTHON
fetch() { python3 s3.py fetch "$1" "$2"; }
fetch_one() { python3 s3.py fetch_one "$1" "$2"; }
send() { python3 s3.py send "$1" "$2"; }
send_one() { python3 s3.py send_one "$1" "$2"; }
stream_out() { python3 s3.py stream_out "$1" -; }
stream_in() { python3 s3.py stream_in - "$1"; }
