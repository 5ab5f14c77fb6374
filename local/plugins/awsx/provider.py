"""The call that creates an `awsx.ec2.Vpc` in the stack of the program."""

import pulumi
from pulumi.provider import ConstructResult
from pulumi.provider import Provider as Base

from local.plugins.awsx.arguments import read
from local.plugins.awsx.vpc import Vpc
from local.plugins.common import Failure, end_soon

#: The version of the true provider whose behavior this plugin has.
VERSION = "3.11.0"


class Provider(Base):
    """The part of Pulumi's AWSX provider that this project needs."""

    def __init__(self) -> None:
        super().__init__(VERSION)

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Creates the component and its children.

        Raises:
            pulumi.RunError: in one line, for what awsx refuses or this plugin does not support.
        """
        if resource_type != "awsx:ec2:Vpc":
            raise pulumi.RunError(f"{resource_type}: the local awsx supports only awsx:ec2:Vpc")
        try:
            vpc = Vpc(name, read(inputs), options)
        except Failure as failure:
            raise pulumi.RunError(str(failure)) from None
        return ConstructResult(vpc.urn, vpc.state)

    def cancel(self) -> None:
        """Ends the plugin at once."""
        end_soon()
