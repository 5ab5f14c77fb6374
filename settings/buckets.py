"""The config key `dataBuckets`: existing buckets that jobs may use besides the stack's own bucket."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from components.limits import bucket_name_fault, kms_key_fault, prefix_fault, repeated, shown
from settings.faults import Fault, Place, remove, set_to
from settings.kinds import Kind, surplus

#: The most buckets. With prefixes of `components.limits.MAX_PREFIX` characters, so many always fit the 10,240 characters that IAM allows for a
#: role's inline policies.
MAX_DATA_BUCKETS = 10


@dataclass(frozen=True, kw_only=True)
class SharedBucket:
    """An existing bucket that jobs may use."""

    name: str
    """The name, without `s3://`."""
    write: bool
    """True: jobs read and write. False: jobs only read."""
    prefix: str
    """The folder that jobs may use, with a slash at the end, or "" for the whole bucket."""
    kms_key_arn: str
    """ARN of the KMS key that encrypts the bucket, or "" for none."""


class Buckets(Kind):
    """Lists of buckets, each with name, access, prefix and KMS key."""

    type = "array"
    items = "object"
    form = f"up to {MAX_DATA_BUCKETS}"

    def faults(self, place: Place, given: Any, default: Any) -> Iterator[Fault]:
        if not isinstance(given, list):
            wrong = f"{shown(given)} is not a list of buckets, each an object {{name, access, prefix, kmsKeyArn}}."
            yield Fault(place=place, wrong=wrong, remedy=remove(place))
            return
        twice = repeated(
            [[e.get("name"), e.get("prefix", "")] if isinstance(e, dict) else [i] for i, e in enumerate(given)]
        )
        # From the end, so that no command changes the positions that later commands name.
        for i in reversed(range(len(given))):
            here = (*place, i)
            found = list(_bucket_faults(here, given[i]))
            yield from found
            if i in twice and not found:
                bucket = f"{given[i]['name']}/{given[i].get('prefix', '')}"
                yield Fault(place=here, wrong=f"{bucket} is listed twice.", remedy=remove(here))
        yield from surplus(place, given, MAX_DATA_BUCKETS, "buckets", ". So many always fit a role's policy")

    def value(self, given: Any) -> Any:
        return tuple(
            SharedBucket(
                name=entry["name"],
                write=entry.get("access") == "read-write",
                prefix=entry.get("prefix", ""),
                kms_key_arn=entry.get("kmsKeyArn", ""),
            )
            for entry in given
        )


def _bucket_faults(place: Place, entry: Any) -> Iterator[Fault]:
    if not isinstance(entry, dict):
        wrong = f"{shown(entry)} is not an object {{name, access, prefix, kmsKeyArn}}."
        yield Fault(place=place, wrong=wrong, remedy=remove(place))
        return
    for unknown in sorted(entry.keys() - {"name", "access", "prefix", "kmsKeyArn"}):
        here = (*place, unknown)
        wrong = "this field does not exist. A bucket has name, access, prefix and kmsKeyArn."
        yield Fault(place=here, wrong=wrong, remedy=remove(here))
    if (access := entry.get("access", "read")) not in ("read", "read-write"):
        here = (*place, "access")
        yield Fault(place=here, wrong=f"{shown(access)} is neither read nor read-write.", remedy=set_to(here, "read"))
    key = entry.get("kmsKeyArn", "")
    if key != "" and (wrong := kms_key_fault(key)):
        here = (*place, "kmsKeyArn")
        yield Fault(place=here, wrong=wrong, remedy=remove(here, "Set the ARN of the key, or remove it"))
    uncorrected = ""
    for field, rule, corrected in _CORRECTED:
        here, given = (*place, field), entry.get(field, "")
        if wrong := rule(given):
            if rule(meant := corrected(given) if isinstance(given, str) else given):
                uncorrected += f" {field}: {wrong}"
            else:
                yield Fault(place=here, wrong=wrong, remedy=set_to(here, meant))
    if uncorrected:
        # The remedy removes the whole entry. If it removed only the prefix, jobs could use the whole bucket.
        yield Fault(place=place, wrong=uncorrected.strip(), remedy=remove(place, "Correct it, or remove the entry"))


#: The fields whose values can be corrected to those that the user probably meant, with their rules and corrections.
_CORRECTED: tuple[tuple[str, Callable[[object], str], Callable[[str], str]], ...] = (
    ("name", bucket_name_fault, lambda name: name.removeprefix("s3://").rstrip("/").lower()),
    ("prefix", prefix_fault, lambda prefix: f"{prefix.strip('/')}/"),
)
