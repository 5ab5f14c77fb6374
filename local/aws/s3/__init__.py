"""S3: the settings of new buckets, the refusals that moto lacks, and objects that are streamed instead of copied.

| file | what it holds |
|---|---|
| `authorization` | whether a role's policies allow a call |
| `buckets` | buckets, their policies and versioning |
| `objects` | checks of keys and checksums, multipart uploads, and how objects are stored and sent |
| `content` | the content of objects, in closed files that are read block by block |
| `records` | what is kept on disk for a server that starts again |
| `base` | `PATCHES`, in which the others register their patches of moto |
"""

from local.aws.s3 import authorization, buckets, objects, records
from local.aws.s3.base import PATCHES
from local.aws.s3.records import kept_in

__all__ = ["PATCHES", "authorization", "buckets", "kept_in", "objects", "records"]
