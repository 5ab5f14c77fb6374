"""S3: the settings of new buckets, the refusals that moto lacks, and objects that are streamed instead of copied.

| file | what it holds |
|---|---|
| `authorization` | whether a role's policies allow a call |
| `buckets` | buckets, their policies and versioning |
| `objects` | checks of keys and checksums, multipart uploads, and how objects are stored and sent |
| `content` | the content of large objects, read from files block by block |
| `base` | `PATCHES`, in which the others register their patches of moto |
"""

from local.aws.s3 import authorization, buckets, objects
from local.aws.s3.base import PATCHES

__all__ = ["PATCHES", "authorization", "buckets", "objects"]
