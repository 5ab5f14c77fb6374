"""Availability Zones and Local Zones."""

from collections.abc import Callable, Iterator

from moto.core.responses import ActionResult
from moto.ec2.models import EC2Backend
from moto.ec2.responses.availability_zones_and_regions import AvailabilityZonesAndRegions

from local.aws.ec2.base import PATCHES

#: Local Zones, by region, that the account has not opted in to. Only a request for all zones returns them.
_LOCAL_ZONES = {"us-east-1": ("us-east-1-atl-2", "use1-atl2-az1"), "us-west-2": ("us-west-2-lax-1", "usw2-lax1-az1")}


_ZONE_FILTERS = {
    "zone-id": "ZoneId",
    "zone-type": "ZoneType",
    "zone-name": "ZoneName",
    "region-name": "RegionName",
    "state": "State",
    "opt-in-status": "OptInStatus",
    "group-name": "GroupName",
}


@PATCHES.replaces(AvailabilityZonesAndRegions.describe_availability_zones)
def list_zones(original: Callable[..., ActionResult], self: AvailabilityZonesAndRegions) -> ActionResult:
    """Leaves out Local Zones that the account has not opted in to, unless the request asks for all zones."""
    self.error_on_dryrun()
    wanted = {
        **{
            _ZONE_FILTERS[name]: values
            for name, values in self._filters_from_querystring().items()
            if name in _ZONE_FILTERS
        },
        **({"ZoneName": names} if (names := self._get_param("ZoneNames", [])) else {}),
        **({"ZoneId": ids} if (ids := self._get_param("ZoneIds", [])) else {}),
    }
    zones = [
        zone
        for zone in _zones(self.ec2_backend)
        if self._get_bool_param("AllAvailabilityZones") or zone["OptInStatus"] != "not-opted-in"
    ]
    return ActionResult(
        {"AvailabilityZones": [z for z in zones if all(z[name] in values for name, values in wanted.items())]}
    )


def _zones(backend: EC2Backend) -> Iterator[dict[str, str]]:
    region = backend.region_name
    plain = {"State": "available", "RegionName": region}
    for zone in backend.describe_availability_zones():
        yield plain | {
            "ZoneName": zone.name,
            "ZoneId": zone.zone_id,
            "ZoneType": zone.zone_type,
            "OptInStatus": "opt-in-not-required",
            "GroupName": f"{region}-zg-1",
            "NetworkBorderGroup": region,
        }
    if region in _LOCAL_ZONES:
        group, identity = _LOCAL_ZONES[region]
        yield plain | {
            "ZoneName": f"{group}a",
            "ZoneId": identity,
            "ZoneType": "local-zone",
            "OptInStatus": "not-opted-in",
            "GroupName": group,
            "NetworkBorderGroup": group,
        }
