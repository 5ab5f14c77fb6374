"""Availability Zones of the local EC2."""

from typing import Any


def test_zones_are_filtered_by_opt_in_status(ec2: Any) -> None:
    plain = ec2.describe_availability_zones()["AvailabilityZones"]
    filters = [{"Name": "opt-in-status", "Values": ["opt-in-not-required"]}, {"Name": "state", "Values": ["available"]}]
    every = ec2.describe_availability_zones(AllAvailabilityZones=True)["AvailabilityZones"]
    open_ = ec2.describe_availability_zones(AllAvailabilityZones=True, Filters=filters)["AvailabilityZones"]
    assert [zone["ZoneName"] for zone in plain] == [f"us-east-1{letter}" for letter in "abcdef"]
    assert [zone["ZoneName"] for zone in open_] == [zone["ZoneName"] for zone in plain]
    assert [zone["ZoneType"] for zone in every if zone["OptInStatus"] == "not-opted-in"] == ["local-zone"]
    assert {zone["GroupName"] for zone in plain} == {"us-east-1-zg-1"}
    assert ec2.describe_availability_zones(ZoneIds=["use1-az6"])["AvailabilityZones"][0]["ZoneName"] == "us-east-1a"
