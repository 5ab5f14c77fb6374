"""What Batch and EBS would refuse, each rule once: the components refuse by it in the words of their arguments, the program in its keys'."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: Batch itself sets no upper limit to an environment's vCPUs but the quota; the API's type is a 32-bit integer (API ComputeResource).
MAX_VCPUS = (1, 2**31 - 1)

#: A volume smaller than the machine image's own snapshot cannot be made, and gp3 ends at 16 TiB (EBS User Guide, "gp3").
SCRATCH_GIB = (30, 16_384)

#: Least figures of a tool: vCPUs, MiB, and seconds of an attempt (API RegisterJobDefinition, API JobTimeout).
TOOL_LEAST = {"vcpus": 1, "memory_mib": 4, "timeout_seconds": 60}

#: Shares in a policy, and a share's weight (API FairsharePolicy, API ShareAttributes).
MOST_SHARES = 500
SHARE_WEIGHTS = (0.0001, 999.9999)


def share_faults(shares: Mapping[str, Any]) -> Iterator[str]:
    """What Batch would refuse of shares in a policy, one sentence each (API ShareAttributes).

    Args:
        shares: weights by share; one whose name ends in `*` is for all that begin so, and none may be of two.
    """
    low, high = SHARE_WEIGHTS
    if len(shares) > MOST_SHARES:
        yield f"{len(shares)} shares are more than {MOST_SHARES}."
    for name, weight in shares.items():
        if not re.fullmatch(r"[A-Za-z0-9]{1,254}\*?", name):
            yield (
                f"{name!r} is no share: 1 to 254 letters and digits, then * for all that begin so. One that is not named has the weight 1."
            )
        if name.endswith("*") and (within := [s for s in shares if s != name and s.startswith(name[:-1])]):
            yield f"{name!r} overlaps with {', '.join(map(repr, within))}: a share may belong to one weight alone."
        if not isinstance(weight, int | float) or isinstance(weight, bool) or not low <= weight <= high:
            yield f"{name}: the weight {json.dumps(weight)} is not a number from {low} to {high}."
