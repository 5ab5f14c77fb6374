"""What `from components import …` offers."""

from components.batch_platform import BatchPlatform, BatchPlatformArgs, Tool
from components.data_bucket import DataBucket, DataBucketArgs
from components.flow_logs import FlowLogs, FlowLogsArgs
from components.network import ExistingNetwork, ExistingNetworkArgs, NatGateways, Network, NetworkArgs
from components.permissions import (
    BatchPermissions,
    BatchPermissionsArgs,
    BucketAccess,
    SubmitPermissions,
    SubmitPermissionsArgs,
)
from components.tool_image import ToolImage, ToolImageArgs

__all__ = [
    "BatchPermissions",
    "BatchPermissionsArgs",
    "BatchPlatform",
    "BatchPlatformArgs",
    "BucketAccess",
    "DataBucket",
    "DataBucketArgs",
    "ExistingNetwork",
    "ExistingNetworkArgs",
    "FlowLogs",
    "FlowLogsArgs",
    "NatGateways",
    "Network",
    "NetworkArgs",
    "SubmitPermissions",
    "SubmitPermissionsArgs",
    "Tool",
    "ToolImage",
    "ToolImageArgs",
]
