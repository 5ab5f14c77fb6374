"""EC2: the refusals that moto lacks, in AWS's words, and the changes that moto does not store.

There is one file for each kind of resource: `zones`, `vpcs`, `subnets`, `security_groups`, `gateways` (internet gateways, Elastic IP
addresses and NAT gateways), `routes`, `endpoints` and `launch_templates`. `base` holds what they share. Importing the package registers
all patches in `PATCHES`.
"""

from local.aws.ec2 import (
    endpoints,
    gateways,
    launch_templates,
    routes,
    security_groups,
    subnets,
    vpcs,
    zones,
)
from local.aws.ec2.base import PATCHES

__all__ = [
    "PATCHES",
    "endpoints",
    "gateways",
    "launch_templates",
    "routes",
    "security_groups",
    "subnets",
    "vpcs",
    "zones",
]
