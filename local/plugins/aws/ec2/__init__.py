"""EC2's resource types: networks and launch templates.

| file | resource types |
|---|---|
| `vpcs` | `Vpc` |
| `subnets` | `Subnet` |
| `gateways` | `InternetGateway`, `NatGateway`, `Eip` |
| `routes` | `RouteTable`, `Route`, `RouteTableAssociation` |
| `endpoints` | `VpcEndpoint` |
| `security_groups` | `SecurityGroup` |
| `security_group_rules` | `SecurityGroupRule`, `SecurityGroupIngressRule`, `SecurityGroupEgressRule` |
| `launch_templates` | `LaunchTemplate` |
| `flow_logs` | `FlowLog` |

`base` holds what they share, and `permissions` the rules inside a security group.
"""

from local.plugins.aws.ec2.endpoints import VpcEndpoint
from local.plugins.aws.ec2.flow_logs import FlowLog
from local.plugins.aws.ec2.gateways import Eip, InternetGateway, NatGateway
from local.plugins.aws.ec2.launch_templates import LaunchTemplate
from local.plugins.aws.ec2.routes import Route, RouteTable, RouteTableAssociation
from local.plugins.aws.ec2.security_group_rules import (
    SecurityGroupEgressRule,
    SecurityGroupIngressRule,
    SecurityGroupRule,
)
from local.plugins.aws.ec2.security_groups import SecurityGroup
from local.plugins.aws.ec2.subnets import Subnet
from local.plugins.aws.ec2.vpcs import Vpc
from local.plugins.aws.resource import Resource

TYPES: tuple[type[Resource], ...] = (
    Vpc,
    Subnet,
    InternetGateway,
    NatGateway,
    Eip,
    RouteTable,
    Route,
    RouteTableAssociation,
    VpcEndpoint,
    SecurityGroup,
    SecurityGroupRule,
    SecurityGroupIngressRule,
    SecurityGroupEgressRule,
    LaunchTemplate,
    FlowLog,
)
