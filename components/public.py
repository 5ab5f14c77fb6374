"""The names that `from components import …` supports."""

from components.batch_platform import BatchPlatform, BatchPlatformArgs
from components.data_bucket import DataBucket, DataBucketArgs
from components.existing_network import ExistingNetwork, ExistingNetworkArgs
from components.flow_logs import FlowLogs, FlowLogsArgs
from components.image_cache import ImageCache, ImageCacheArgs
from components.job_definition import Tool
from components.monitoring import Monitoring, MonitoringArgs
from components.network import NatGateways, Network, NetworkArgs
from components.permissions.batch import BatchPermissions, BatchPermissionsArgs
from components.permissions.buckets import BucketAccess
from components.permissions.engines import EnginePermissions, EnginePermissionsArgs
from components.permissions.submit import SubmitPermissions, SubmitPermissionsArgs
from components.tool_image import ToolImage, ToolImageArgs

__all__ = [
    "BatchPermissions",
    "BatchPermissionsArgs",
    "BatchPlatform",
    "BatchPlatformArgs",
    "BucketAccess",
    "DataBucket",
    "DataBucketArgs",
    "EnginePermissions",
    "EnginePermissionsArgs",
    "ExistingNetwork",
    "ExistingNetworkArgs",
    "FlowLogs",
    "FlowLogsArgs",
    "ImageCache",
    "ImageCacheArgs",
    "Monitoring",
    "MonitoringArgs",
    "NatGateways",
    "Network",
    "NetworkArgs",
    "SubmitPermissions",
    "SubmitPermissionsArgs",
    "Tool",
    "ToolImage",
    "ToolImageArgs",
]
