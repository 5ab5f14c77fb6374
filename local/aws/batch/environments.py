"""The operations on compute environments, with the checks of AWS. They have no instances, because all jobs share this machine."""

import base64
import uuid
from collections.abc import Iterable
from email import message_from_bytes
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends
from moto.ecs.models import ecs_backends
from moto.iam.exceptions import NotFoundException
from moto.iam.models import SERVICE_NAME_CONVERSION, IAMBackend, iam_backends

from local.aws.batch import machine_files
from local.aws.batch.environment import SERVICE_ROLE, ComputeEnvironment, architectures_of
from local.aws.batch.forms import Document, check_name, page, refusal

if TYPE_CHECKING:
    from local.aws.batch.backend import Backend

_SERVICE = "batch.amazonaws.com"
#: moto would write the name of the role with a lowercase b.
SERVICE_NAME_CONVERSION["batch"] = "Batch"

#: Strategies by type of environment; those that AWS can update in place are all but BEST_FIT.
_EC2_STRATEGIES = ("BEST_FIT", "BEST_FIT_PROGRESSIVE", "BEST_FIT_PROGRESSIVE_ORDERED")
_SPOT_STRATEGIES = (
    *_EC2_STRATEGIES,
    "SPOT_CAPACITY_OPTIMIZED",
    "SPOT_CAPACITY_OPTIMIZED_PRIORITIZED",
    "SPOT_PRICE_CAPACITY_OPTIMIZED",
)
_STRATEGIES = {"EC2": _EC2_STRATEGIES, "SPOT": _SPOT_STRATEGIES}

#: Members that can change even if an infrastructure update is not possible.
_SCALING = {"minvCpus", "maxvCpus", "desiredvCpus"}
_MOST_EC2_CONFIGURATIONS = 2
_UPDATE_MINUTES = (1, 360)


class ComputeEnvironments:
    """The compute environments of one account and region."""

    def __init__(self, backend: "Backend") -> None:
        self._backend = backend
        self._environments: dict[str, ComputeEnvironment] = {}

    def create(self, request: Document) -> Document:
        """CreateComputeEnvironment. The environment is VALID at once, or INVALID if the user data of its launch template is not MIME multipart.

        Raises:
            ClientException: if AWS would refuse the request.
        """
        name = request["computeEnvironmentName"]
        check_name("Compute environment name", name)
        arn = self._backend.arn(f"compute-environment/{name}")
        if arn in self._environments:
            raise refusal(f"Object already exists: {arn}")
        if "eksConfiguration" in request:
            raise refusal("The local stack does not support EKS")
        resources = request.get("computeResources", {})
        if request["type"] == "UNMANAGED" and resources:
            raise refusal("computeResources must not be specified for an UNMANAGED compute environment")
        if request["type"] == "MANAGED":
            if not resources:
                raise refusal("computeResources must be provided for a MANAGED compute environment")
            resources = self._checked(_completed(resources))
        role = self._service_role(request.get("serviceRole"))
        identity = str(uuid.uuid4())
        cluster = self._ecs.create_cluster(f"AWSBatch-{name}-{identity}")
        environment = ComputeEnvironment(
            arn=arn,
            name=name,
            uuid=identity,
            kind=request["type"],
            enabled=request.get("state", "ENABLED") == "ENABLED",
            resources=resources,
            service_role=role,
            update_policy={"terminateJobsOnUpdate": False, "jobExecutionTimeoutMinutes": 30},
            cluster_arn=cluster.arn,
        )
        self._set_status(environment)
        self._backend.tag(arn, request.get("tags", {}))
        self._environments[arn] = environment
        return {"computeEnvironmentName": name, "computeEnvironmentArn": arn}

    def update(self, request: Document) -> Document:
        """UpdateComputeEnvironment. Members that the request leaves out stay. Members that are empty are removed.

        Raises:
            ClientException: if AWS would refuse the request, such as a change that needs a replacement.
        """
        identifier = request["computeEnvironment"]
        environment = self._find(identifier)
        if environment is None:
            raise refusal(f"{identifier} does not exist")
        role = environment.service_role
        if "serviceRole" in request:
            role = self._service_role(request["serviceRole"])
        changes = request.get("computeResources", {})
        if changes and environment.kind == "UNMANAGED":
            raise refusal("computeResources must not be specified for an UNMANAGED compute environment")
        resources = {**environment.resources, **changes}
        resources = {
            key: value for key, value in resources.items() if value not in ("", {}, [], {"launchTemplateId": ""})
        }
        if changes:
            changed = {key for key in changes if resources.get(key) != environment.resources.get(key)}
            if not environment.is_updatable and not environment.is_fargate and (fixed := sorted(changed - _SCALING)):
                raise refusal(
                    f"Cannot update {', '.join(fixed)}: infrastructure updates need the service-linked role "
                    f"and an allocation strategy other than BEST_FIT"
                )
            resources = self._checked(resources)
        policy = {**environment.update_policy, **request.get("updatePolicy", {})}
        least, most = _UPDATE_MINUTES
        if not least <= policy["jobExecutionTimeoutMinutes"] <= most:
            raise refusal(f"jobExecutionTimeoutMinutes must be between {least} and {most}")
        environment.resources, environment.service_role, environment.update_policy = resources, role, policy
        if "state" in request:
            environment.enabled = request["state"] == "ENABLED"
        self._set_status(environment)
        self._backend.scheduler.wake()
        return {"computeEnvironmentName": environment.name, "computeEnvironmentArn": environment.arn}

    def describe(self, request: Document) -> Document:
        """DescribeComputeEnvironments."""
        wanted = request.get("computeEnvironments", [])
        found = [e for e in self._environments.values() if not wanted or e.arn in wanted or e.name in wanted]
        return page("computeEnvironments", [self._document(environment) for environment in found], request)

    def delete(self, request: Document) -> Document:
        """DeleteComputeEnvironment. The environment is deleted at once. It is no error if it does not exist.

        Raises:
            ClientException: if it is ENABLED or a queue refers to it.
        """
        environment = self._find(request["computeEnvironment"])
        if environment is None:
            return {}
        if environment.enabled:
            raise refusal("Cannot delete, compute environment state must be DISABLED")
        if self._backend.queues.using(environment):
            raise refusal("Cannot delete, found existing JobQueue relationship")
        self._ecs.delete_cluster(environment.cluster)
        del self._environments[environment.arn]
        self._backend.forget_tags(environment.arn)
        return {}

    def exists(self, arn: str) -> bool:
        """Whether there is a compute environment with this ARN."""
        return arn in self._environments

    def get(self, identifier: str) -> ComputeEnvironment:
        """An environment by name or ARN.

        Raises:
            ClientException: if it does not exist.
        """
        if environment := self._find(identifier):
            return environment
        raise refusal(f"Compute environment {identifier} does not exist")

    def _find(self, identifier: str) -> ComputeEnvironment | None:
        by_name = self._backend.arn(f"compute-environment/{identifier}")
        return self._environments.get(identifier) or self._environments.get(by_name)

    @property
    def _ec2(self) -> Any:
        return ec2_backends[self._backend.account_id][self._backend.region_name]

    @property
    def _ecs(self) -> Any:
        return ecs_backends[self._backend.account_id][self._backend.region_name]

    @property
    def _iam(self) -> IAMBackend:
        return iam_backends[self._backend.account_id][self._backend.partition]

    def _service_role(self, role: str | None) -> str:
        """The ARN of the given role, or of the service-linked role, which is created if it does not exist."""
        if not role:
            role = f"arn:{self._backend.partition}:iam::{self._backend.account_id}:role/aws-service-role/{_SERVICE}/{SERVICE_ROLE}"
            try:
                self._iam.get_role(SERVICE_ROLE)
            except NotFoundException:
                self._iam.create_service_linked_role(_SERVICE, "", "")
        try:
            self._iam.get_role_by_arn(role)
        except NotFoundException:
            raise refusal(f"Could not find IAM role {role}") from None
        return role

    def _checked(self, resources: Document) -> Document:
        kind = resources["type"]
        if int(resources["maxvCpus"]) < 1:
            raise refusal("maxvCpus must be 1 or more")
        if not resources.get("subnets"):
            raise refusal("At least 1 subnet must be provided")
        self._check_existence("subnet", resources["subnets"], self._ec2.get_subnet)
        self._check_existence(
            "security group", resources.get("securityGroupIds", []), self._ec2.get_security_group_from_id
        )
        if "FARGATE" in kind:
            if (
                foreign := {"minvCpus", "instanceTypes", "instanceRole", "launchTemplate", "allocationStrategy"}
                & resources.keys()
            ):
                raise refusal(f"{', '.join(sorted(foreign))} must not be specified for {kind}")
            if not resources.get("securityGroupIds"):
                raise refusal("At least 1 security group must be provided")
            return resources
        strategy = resources.get("allocationStrategy", "BEST_FIT")
        if strategy not in _STRATEGIES[kind]:
            raise refusal(f"allocationStrategy {strategy} is not valid for {kind}: {', '.join(_STRATEGIES[kind])}")
        if kind == "SPOT" and strategy == "BEST_FIT" and not resources.get("spotIamFleetRole"):
            raise refusal("spotIamFleetRole is required for SPOT with allocationStrategy BEST_FIT")
        if not 0 <= int(resources["minvCpus"]) <= int(resources["maxvCpus"]):
            raise refusal("minvCpus must be between 0 and maxvCpus")
        if not int(resources["minvCpus"]) <= int(resources["desiredvCpus"]) <= int(resources["maxvCpus"]):
            raise refusal("desiredvCpus must be between minvCpus and maxvCpus")
        if not 0 <= int(resources.get("bidPercentage", 0)) <= 100:
            raise refusal("bidPercentage must be between 0 and 100")
        if len(resources["ec2Configuration"]) > _MOST_EC2_CONFIGURATIONS:
            raise refusal(f"At most {_MOST_EC2_CONFIGURATIONS} ec2Configuration entries can be specified")
        self._check_instances(resources)
        data = self._template_data(resources)
        if not resources.get("securityGroupIds") and not (data and _names_security_groups(data)):
            raise refusal("At least 1 security group must be provided, here or in the launch template")
        return resources

    def _check_instances(self, resources: Document) -> None:
        profile = resources.get("instanceRole")
        if not profile:
            raise refusal("Instance role is required.")
        if not any(profile in (known.arn, known.name) for known in self._iam.get_instance_profiles()):
            raise refusal(f"Could not find instance profile {profile}")
        if not resources.get("instanceTypes"):
            raise refusal("At least 1 instance type must be provided")
        found = {entry: architectures_of(entry) for entry in resources["instanceTypes"]}
        if unknown := [entry for entry, architectures in found.items() if not architectures]:
            raise refusal(f"Instance type {', '.join(unknown)} does not exist")
        if len(set().union(*found.values())) > 1:
            raise refusal("instanceTypes must be of one architecture")

    def _check_existence(self, kind: str, ids: Iterable[str], find: Any) -> None:
        for identifier in ids:
            try:
                found = find(identifier)
            except ServiceException:
                found = None
            if found is None:
                raise refusal(f"The {kind} {identifier} does not exist")

    def _template_data(self, resources: Document) -> Document | None:
        """The data of the version of the launch template, or None without a launch template."""
        template = resources.get("launchTemplate")
        if not template:
            return None
        identifier, name = template.get("launchTemplateId"), template.get("launchTemplateName")
        if bool(identifier) == bool(name):
            raise refusal("launchTemplate needs launchTemplateId or launchTemplateName, and not both")
        version = template.get("version") or "$Default"
        if version not in ("$Default", "$Latest") and not str(version).isdecimal():
            raise refusal(f"Launch template version {version} is not valid")
        try:
            if identifier:
                found = self._ec2.get_launch_template(identifier)
            else:
                found = self._ec2.get_launch_template_by_name(name)
            data: Document = found.get_version(version).data
        except ServiceException:
            raise refusal(f"Launch template {identifier or name}, version {version} does not exist") from None
        return data

    def _set_status(self, environment: ComputeEnvironment) -> None:
        """Sets what follows from the launch template: the status, which is INVALID if AWS cannot merge its own user data with that of the
        template, and the image from which machines get files for engines."""
        data = self._template_data(environment.resources) or {}
        encoded = str(data.get("UserData") or "")
        # In any other form, AWS makes the environment INVALID (Batch User Guide, "Amazon EC2 user data in launch templates").
        environment.engine_image = machine_files.engine_image(encoded)
        environment.is_valid = not encoded or message_from_bytes(base64.b64decode(encoded)).is_multipart()
        environment.status_reason = (
            "ComputeEnvironment Healthy"
            if environment.is_valid
            else "CLIENT_ERROR - User data of the launch template must be MIME multi-part"
        )

    def _document(self, environment: ComputeEnvironment) -> Document:
        return {
            "computeEnvironmentName": environment.name,
            "computeEnvironmentArn": environment.arn,
            "ecsClusterArn": environment.cluster_arn,
            "type": environment.kind,
            "state": "ENABLED" if environment.enabled else "DISABLED",
            "status": "VALID" if environment.is_valid else "INVALID",
            "statusReason": environment.status_reason,
            "serviceRole": environment.service_role,
            "containerOrchestrationType": "ECS",
            "uuid": environment.uuid,
            "tags": self._backend.tags(environment.arn),
            **(
                {"computeResources": environment.resources, "updatePolicy": environment.update_policy}
                if environment.kind == "MANAGED"
                else {}
            ),
        }


def _completed(resources: Document) -> Document:
    """Adds the defaults of AWS to a request for EC2 instances."""
    if "FARGATE" in resources["type"]:
        return resources
    least = resources.get("minvCpus", 0)
    defaults = {"minvCpus": least, "desiredvCpus": least, "ec2Configuration": [{"imageType": "ECS_AL2023"}]}
    return {**defaults, **resources}


def _names_security_groups(data: Document) -> bool:
    interfaces = data.get("NetworkInterfaces") or data.get("NetworkInterface") or []
    groups = data.get("SecurityGroupIds") or data.get("SecurityGroupId")
    return bool(groups) or any("Groups" in interface or "SecurityGroupId" in interface for interface in interfaces)
