"""Resource types as rows of data, and the methods that check, compare, create, read, update and delete any resource by its row."""

import difflib
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import jmespath  # type: ignore[import-untyped]

from local.plugins.aws.api import Api, ApiError, limit, retry_while
from local.plugins.aws.differences import Comparison, Difference
from local.plugins.aws.documents import normalized
from local.plugins.aws.durations import parsed, written
from local.plugins.aws.shapes import Refused, from_api, member, to_api
from local.plugins.common import UNKNOWN, Failure, Unfinished, holds_unknown

Values = Mapping[str, Any]

#: How long, in seconds, Terraform's SDK waits if a resource declares no limit (hashicorp/terraform-plugin-sdk, schema.ResourceData.Timeout).
_DEFAULT_LIMIT = 20 * 60.0


@dataclass(frozen=True)
class Call:
    """An operation of the API and its parameters."""

    operation: str
    given: Values = field(default_factory=dict)
    """Fixed parameters. `$id` and `$property` are replaced by values. A parameter without a value is not sent."""
    sends: str = ""
    """Properties that the call sends, separated by blanks. An update is called when one of them changed."""
    at: str = ""
    """JMESPath of the wanted part of the answer. `{property}` is replaced by its value."""
    only_changed: bool = False
    """Whether the update sends only the properties that changed."""
    when_made: bool = False
    """Whether the update is also called after the creation, if AWS chose another value than the wanted one."""


@dataclass(frozen=True)
class AutoName:
    """The property that gets a name if the program gives none: the name of the resource, a hyphen and seven hex digits."""

    property: str = "name"
    limit: int = 255
    lower: bool = False

    def __call__(self, name: str, seed: bytes) -> str:
        digits = hashlib.sha256(seed).hexdigest()[:7] if seed else secrets.token_hex(4)[:7]
        name = name.lower() if self.lower else name
        return f"{name[: self.limit - len(digits) - 1]}-{digits}"


@dataclass(frozen=True)
class Ready:
    """The property of an answer that shows whether the resource can be used, and the value that means that it can."""

    at: str
    value: str
    failed: str = ""
    why: str = ""


@dataclass(frozen=True)
class Tagging:
    """How tags are changed and read."""

    add: Call
    remove: Call
    read: Call | None = None
    """Needed if the answer of the resource itself contains no tags."""


class Resource:
    """A type of resource: a row of data that the methods of this class use. A type overrides a method where AWS treats it differently.

    Lists of names are separated by blanks. Names are those of Pulumi. `computed` and `unordered` apply to a name at any depth, and
    `replaces` to a path.
    """

    token: ClassVar[str]
    service: ClassVar[str]

    inputs: ClassVar[str]
    """All properties that a program can set, except `region` and `tags`."""
    required: ClassVar[str] = ""
    replaces: ClassVar[str] = ""
    """A change of one of these replaces the resource."""
    computed: ClassVar[str] = ""
    """Optional properties that AWS sets if the program does not. Removing one from the program changes nothing."""
    unordered: ClassVar[str] = ""
    """Lists whose order does not matter."""
    own: ClassVar[str] = ""
    """Properties that only the provider uses. No call sends them."""
    defaults: ClassVar[Values] = {}
    documents: ClassVar[Mapping[str, Callable[[str, str], bool]]] = {}
    """Properties that are JSON text, and the function that decides whether two texts are equal."""
    patterns: ClassVar[Mapping[str, str]] = {}
    """Regular expressions that the whole text must match."""
    auto_name: ClassVar[AutoName | None] = None
    delete_before_replace: ClassVar[bool] = False
    regional: ClassVar[bool] = True

    names: ClassVar[Mapping[str, str]] = {}
    """The API's name of a property, if it differs from Pulumi's by more than case and plural. Dots separate nested members."""
    answers: ClassVar[Mapping[str, str]] = {}
    """JMESPath of a property in the answer of `reading`, if it is not the name of the property."""
    outputs: ClassVar[Mapping[str, str]] = {}
    """Properties that only AWS knows. Either a JMESPath, or an equals sign and a text with `{id}`, `{region}`, `{account}`, `{partition}`."""
    unfilled: ClassVar[str] = ""
    """Outputs that the SDK declares and that this plugin never sets. They are None, so that a preview of an unchanged resource knows them."""
    blank: ClassVar[Values] = {}
    """Values of outputs for which AWS has no value, where the true provider does not use None."""
    volatile: ClassVar[Mapping[str, str]] = {}
    """Outputs that are unknown in the preview of an update, each with the properties whose change makes it so. `*` means any."""

    creating: ClassVar[Call | None] = None
    """Its `at` is the new id, unless `id_form` is set."""
    id_form: ClassVar[str] = ""
    reading: ClassVar[Call]
    updating: ClassVar[Sequence[Call]] = ()
    deleting: ClassVar[Call | None] = None
    tagging: ClassVar[Tagging | None] = None
    tag_type: ClassVar[str] = ""
    """The name that EC2 uses for the type in a tag specification."""
    ready: ClassVar[Ready | None] = None
    limits: ClassVar[Mapping[str, int]] = {}
    """How long, in seconds, the true provider waits for the end of `create`, `update` and `delete`, if its resource declares that limit. All
    other limits are 20 minutes and cannot be changed (pulumi-terraform-bridge, pull request 2390)."""
    busy: ClassVar[str] = "DependencyViolation DeleteConflict InvalidGroup.InUse OperationAborted"
    """Codes of refusals that end when other resources are deleted."""

    def __init__(self, api: Api, default_tags: Mapping[str, str] | None = None) -> None:
        self.api = api
        self._default_tags = default_tags or {}

    # Inputs

    @cached_property
    def known(self) -> frozenset[str]:
        """Every input property."""
        own = set(self.inputs.split())
        return frozenset(
            own | ({"region"} if self.regional else set()) | ({"tags", "tagsAll"} if self.tagging else set())
        )

    def check(self, name: str, news: Values, olds: Values, seed: bytes) -> tuple[dict[str, Any], list[Refused]]:
        """Returns the inputs with names and defaults filled in, and all faults of the inputs.

        Args:
            name: the resource's name in the program.
            news: what the program gives.
            olds: the inputs of the last update, empty for a new resource.
            seed: determines the digits of a generated name.
        """
        given = {key: value for key, value in news.items() if value is not None and key != "__defaults"}
        inputs = {key: self._text(key, value) for key, value in given.items() if key in self.known}
        faults = [Refused(key, self._no_such(key)) for key in sorted(given.keys() - self.known)]
        filled = []
        auto = self.auto_name
        if auto and auto.property not in inputs and f"{auto.property}Prefix" not in inputs:
            kept = olds.get(auto.property) if auto.property in olds.get("__defaults", ()) else None
            inputs[auto.property] = kept or auto(name, seed)
            filled.append(auto.property)
        for key, value in self.defaults.items():
            if key not in inputs and value:
                inputs[key] = value
                filled.append(key)
        if self.regional:
            inputs.setdefault("region", self.api.region)
        if self.tagging:
            tags = inputs.get("tags", {})
            inputs["tagsAll"] = UNKNOWN if holds_unknown(tags) else {**self._default_tags, **tags}
        missing = [key for key in self.required.split() if key not in inputs]
        faults += [Refused(key, f"is required by {self.token}") for key in missing]
        for key, value in inputs.items():
            faults += self._faults(key, value)
        if self.regional and inputs["region"] not in (self.api.region, UNKNOWN):
            faults.append(
                Refused("region", f"the local AWS has only the region {self.api.region}, not {inputs['region']}")
            )
        faults += self._timeout_faults(inputs)
        if not faults:
            faults += self.faults(inputs)
        inputs["__defaults"] = sorted(filled)
        return inputs, faults

    def limit(self, operation: str, properties: Values, custom: float) -> float:
        """How long, in seconds, the true provider would wait for the end of an operation.

        Args:
            operation: `create`, `update` or `delete`.
            properties: the wanted properties, or for a deletion the last ones.
            custom: the limit from Pulumi's `customTimeouts`, or 0. A type with a property `timeouts` uses only that.
        """
        declared = self.limits.get(operation)
        if declared is None:
            return _DEFAULT_LIMIT
        given = (
            parsed((properties.get("timeouts") or {}).get(operation)) if "timeouts" in self.known else custom or None
        )
        return declared if given is None else given

    def _timeout_faults(self, inputs: Values) -> Iterator[Refused]:
        timeouts = inputs.get("timeouts")
        for operation, given in timeouts.items() if isinstance(timeouts, Mapping) else ():
            if operation not in self.limits:
                yield Refused(f"timeouts.{operation}", f"there is no such property; it has {', '.join(self.limits)}")
            elif given is not UNKNOWN and parsed(given) is None:
                yield Refused(f"timeouts.{operation}", f'{given!r} is not a duration such as "30s" or "2h45m"')

    def faults(self, inputs: Values) -> Iterator[Refused]:
        """Faults that the true provider reports in addition to wrong names, types and values. Most types have none."""
        return iter(())

    def _no_such(self, key: str) -> str:
        near = difflib.get_close_matches(key, self.known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(self.known - {'tagsAll'}))}."
        return f"{self.token} has no such property, or the local AWS does not support it; {hint}"

    def _text(self, key: str, value: Any) -> Any:
        if key not in self.documents or isinstance(value, str):
            return value
        return UNKNOWN if holds_unknown(value) else normalized(value)

    def _faults(self, key: str, value: Any) -> Iterator[Refused]:
        if value is UNKNOWN:
            return
        if key in self.patterns and not (isinstance(value, str) and re.fullmatch(self.patterns[key], value)):
            yield Refused(key, f"{value!r} does not match {self.patterns[key]}")
        carrier = self._calls_by_property.get(key)
        if carrier and key not in ("tags", "tagsAll", "region"):
            try:
                self._parameter({}, carrier, key, value)
            except Refused as refused:
                yield refused

    # Differences

    @cached_property
    def comparison(self) -> Comparison:
        """How this type's values are compared."""
        return Comparison(
            computed=frozenset(self.computed.split()),
            unordered=frozenset(self.unordered.split()),
            documents=self.documents,
        )

    def differences(self, news: Values, state: Values, before: Values) -> list[Difference]:
        """All differences between the wanted and the present properties."""
        return self.comparison.between(news, state, before)

    def replacing(self, differences: Sequence[Difference], news: Values, before: Values) -> set[str]:
        """The paths of the differences that replace the resource."""
        names = {*self.replaces.split(), *(["region"] if self.regional else [])}
        return {d.path for d in differences if any(d.names == name or d.names.startswith(f"{name}.") for name in names)}

    def deletes_first(self, news: Values) -> bool:
        """Whether the old resource is deleted before the new one is created, because two cannot have the same name."""
        auto = self.auto_name
        named = (
            auto is not None and news.get(auto.property) is not None and auto.property not in news.get("__defaults", ())
        )
        return self.delete_before_replace or named

    # Previews

    def preview_create(self, inputs: Values) -> dict[str, Any]:
        """The outputs of a resource before it is created."""
        awaited = {*self.outputs, *(set(self.computed.split()) & self.known - inputs.keys())}
        return {**dict.fromkeys(self.known), **self._wanted(inputs), **dict.fromkeys(awaited, UNKNOWN)}

    def preview_update(self, inputs: Values, state: Values, differences: Sequence[Difference]) -> dict[str, Any]:
        """The outputs of a resource before it is updated."""
        changed = {d.top for d in differences} - {"tagsAll"}
        unsettled = [name for name, by in self.volatile.items() if changed and (by == "*" or changed & set(by.split()))]
        return {
            **self._blank_outputs(),
            **self._retained(state),
            **self._wanted(inputs),
            **dict.fromkeys(unsettled, UNKNOWN),
        }

    # The life of a resource

    def create(self, inputs: Values) -> tuple[str, dict[str, Any]]:
        """Creates the resource.

        Returns:
            The id and the outputs.

        Raises:
            Unfinished: if the resource exists but is not as wanted.
            Failure: if the resource was not created.
        """
        wanted = self._wanted(inputs)
        id = self.make(wanted)
        try:
            self.finish(id, wanted)
            return id, self._outputs(id, wanted)
        except Unfinished:
            raise
        except Failure as failure:
            raise Unfinished(str(failure), id=id, properties=wanted, inputs=inputs) from failure

    def make(self, wanted: Values) -> str:
        """Makes the call that creates the resource, and returns its id."""
        if self.creating is None:
            raise NotImplementedError(self.token)
        answer = self.call(self.creating, wanted)
        return self._fill_text(self.id_form, wanted) if self.id_form else str(answer)

    def finish(self, id: str, wanted: Values) -> None:
        """Makes the calls that follow the creation."""
        self.wait_until_ready(id, wanted)
        later = [call for call in self.updating if call.when_made]
        if not later:
            return
        present = self.describe(id, wanted) or {}
        for call in later:
            names = [n for n in call.sends.split() if wanted.get(n) is not None]
            if any((self._answer(n, present, None) or False) != wanted[n] for n in names):
                self.call(call, {**wanted, "id": id})

    def read(self, id: str, state: Values) -> tuple[str, dict[str, Any]] | None:
        """The outputs as AWS has them now, or None if the resource does not exist."""
        answer = self.describe(id, state)
        return None if answer is None else (id, self.render(id, answer, state))

    def inputs_of(self, inputs: Values, properties: Values) -> dict[str, Any]:
        """The inputs after a refresh: the former ones, except those that differ in AWS now."""
        drifted = {d.top for d in self.differences(inputs, properties, inputs)}
        now = {key: properties[key] for key in drifted if properties.get(key) is not None}
        return {key: now.get(key, value) for key, value in inputs.items()}

    def update(self, id: str, news: Values, state: Values, differences: Sequence[Difference]) -> dict[str, Any]:
        """Updates the resource in place, and returns its outputs."""
        wanted = {**self._retained(state), **self._wanted(news)}
        changed = {d.top for d in differences}
        if "tagsAll" in changed:
            self.retag(id, wanted, wanted["tagsAll"], state.get("tagsAll") or {})
        if others := changed - {"tags", "tagsAll"}:
            self.change(id, wanted, state, others)
        self.wait_until_ready(id, wanted)
        return self._outputs(id, wanted)

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        """Makes the calls for the properties that changed.

        Args:
            id: the id of the resource.
            wanted: all properties, with their new values.
            state: all properties, with their last values.
            changed: the top-level names of the properties that differ.
        """
        for call in self.updating:
            touched = changed & set(call.sends.split())
            if touched:
                silent = set(call.sends.split()) - touched if call.only_changed else set()
                self.call(call, {**{k: v for k, v in wanted.items() if k not in silent}, "id": id})

    def delete(self, id: str, state: Values) -> None:
        """Deletes the resource and waits until it is gone. It is no error if the resource does not exist."""

        def attempt() -> None:
            try:
                self.unmake(id, state)
            except ApiError as error:
                # The error can also be about another resource, on which this one depends.
                if not error.gone or self.describe(id, state) is not None:
                    raise

        retry_while(lambda error: isinstance(error, ApiError) and error.code in self.busy.split(), attempt)
        self.wait_until_gone(id, state)

    def unmake(self, id: str, state: Values) -> None:
        """Makes the calls that delete the resource."""
        if self.deleting:
            self.call(self.deleting, {**state, "id": id})

    def retag(self, id: str, state: Values, news: Mapping[str, str], olds: Mapping[str, str]) -> None:
        """Adds, changes and removes tags."""
        if self.tagging is None:
            return
        scope = {**state, "id": id}
        dropped = sorted(olds.keys() - news.keys())
        fresh = {key: value for key, value in news.items() if olds.get(key) != value}
        if dropped:
            shape = self.api.input_shape(self.service, self.tagging.remove.operation)
            target = member("tagKeys", shape.members) or member("tags", shape.members) or ""
            keys = dropped if target.lower() == "tagkeys" else [{"Key": key} for key in dropped]
            self.call(self.tagging.remove, scope, {target: keys})
        if fresh:
            self.call(self.tagging.add, scope, self._tags(self.tagging.add.operation, fresh))

    def wait_until_ready(self, id: str, state: Values) -> None:
        """Waits until the resource can be used.

        Raises:
            Failure: if AWS says that it never will be.
        """
        if self.ready is None:
            return
        ready = self.ready

        def attempt() -> None:
            answer = self.describe(id, state) or {}
            status = jmespath.search(ready.at, answer)
            if status != ready.value:
                why = jmespath.search(ready.why, answer) if ready.why else None
                if ready.failed and status == ready.failed:
                    raise Failure(f"{id} is {status}: {why or 'AWS gives no reason'}")
                raise _NotYet(
                    f"{id}: timeout while waiting for state to become '{ready.value}' (last state: '{status or 'not there'}', "
                    f"timeout: {written(limit())}){': ' if why else ''}{why or ''}"
                )

        retry_while(lambda error: isinstance(error, _NotYet), attempt)

    def wait_until_gone(self, id: str, state: Values) -> None:
        """Waits until the resource no longer exists."""

        def attempt() -> None:
            if self.describe(id, state) is not None:
                raise _NotYet(f"{id}: timeout while waiting for resource to be gone (timeout: {written(limit())})")

        retry_while(lambda error: isinstance(error, _NotYet), attempt)

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        """The answer of AWS about the resource, or None if the resource does not exist."""
        try:
            answer = self.call(self.reading, {**state, "id": id})
        except ApiError as error:
            if error.gone:
                return None
            raise
        return answer if isinstance(answer, dict) else None

    # Conversion of properties and answers

    def call(self, call: Call, scope: Values, extra: Values | None = None) -> Any:
        """Makes a call with the properties that it sends and its fixed parameters, both taken from `scope`, and with `extra`."""
        parameters: dict[str, Any] = {}
        for name in call.sends.split():
            if scope.get(name) is not None:
                self._parameter(parameters, call, name, scope[name])
        if call is self.creating and scope.get("tagsAll"):
            parameters.update(self._tags(call.operation, scope["tagsAll"]))
        for key, value in call.given.items():
            filled = self._fill(value, scope)
            if filled is not None:
                parameters[key] = filled
        answer = self.api.call(self.service, call.operation, {**parameters, **(extra or {})})
        return jmespath.search(self._fill_text(call.at, scope), answer) if call.at else answer

    def render(self, id: str, answer: Values, state: Values) -> dict[str, Any]:
        """Converts an answer of AWS to outputs.

        Args:
            id: the resource's.
            answer: the answer.
            state: the wanted properties, or those last seen. Those that the answer does not contain stay.
        """
        result = dict(state)
        for name in self.known - {"tags", "tagsAll", "region"} - set(self.own.split()):
            prior = state.get(name)
            value = self._answer(name, answer, prior)
            if value is None or (prior is None and (value in ("", []) or _compound(value))):
                value = prior if prior is not None else self.defaults.get(name)
            if name in self.documents and value is not None:
                text = normalized(value)
                kept = isinstance(prior, str) and self.documents[name](prior, text)
                value = normalized(prior) if kept else text
            if value is not None:
                result[name] = value
        scope = {**result, "id": id}
        for name, at in self.outputs.items():
            value = (
                self._fill_text(at[1:], scope)
                if at.startswith("=")
                else jmespath.search(self._fill_text(at, scope), answer)
            )
            result[name] = scope[name] = from_api(value, None) if value is not None else state.get(name)
        if self.tagging:
            remote = self.tags(id, answer, scope)
            result["tagsAll"] = remote
            mine = state.get("tags") or {}
            result["tags"] = {k: v for k, v in remote.items() if self._default_tags.get(k) != v or k in mine}
        return {**self._blank_outputs(), **{key: value for key, value in result.items() if value is not None}}

    def tags(self, id: str, answer: Values, state: Values) -> dict[str, str]:
        """The tags of the resource, without those whose names begin with `aws:`."""
        source: Any = answer
        if self.tagging and self.tagging.read:
            try:
                source = self.call(self.tagging.read, {**state, "id": id})
            except ApiError as error:
                if not error.gone:
                    raise
                source = {}
        key = member("tags", source)
        found = from_api(source[key], None, key="tags") if key and source[key] else {}
        return {k: v for k, v in found.items() if not k.startswith("aws:")}

    def _answer(self, name: str, answer: Values, prior: Any) -> Any:
        if name in self.answers:
            path = self.answers[name]
            value = jmespath.search(path, answer) if path else None
        else:
            key = member(self.names.get(name, name).split(".")[-1], answer)
            value = answer[key] if key else None
        if value is None or name in self.documents:
            return value
        return from_api(value, prior, self.names, frozenset(self.unordered.split()), name)

    def _outputs(self, id: str, wanted: Values) -> dict[str, Any]:
        answer = self.describe(id, wanted)
        if answer is None:
            raise Failure(f"{id} was created, but AWS does not find it")
        return self.render(id, answer, wanted)

    def _wanted(self, inputs: Values) -> dict[str, Any]:
        own = {
            key: self._text(key, value) for key, value in inputs.items() if key != "__defaults" and value is not None
        }
        normal = {
            key: normalized(value) for key, value in own.items() if key in self.documents and isinstance(value, str)
        }
        return {**{k: v for k, v in self.defaults.items() if k in self.known}, **own, **normal}

    def _blank_outputs(self) -> dict[str, Any]:
        """All outputs, without values."""
        return {**dict.fromkeys([*self.known, *self.outputs, *self.unfilled.split()]), **self.blank}

    def _retained(self, state: Values) -> dict[str, Any]:
        """The properties of a state that stay although the program does not set them, such as those that AWS sets."""
        lasting = set(self.computed.split()) | set(self.outputs)
        return {k: v for k, v in state.items() if k in lasting or k not in self.known}

    @cached_property
    def _calls_by_property(self) -> dict[str, Call]:
        """The call whose model defines each property."""
        calls = [self.creating, *self.updating]
        return {name: call for call in reversed(calls) if call for name in call.sends.split()}

    def shape_of(self, call: Call, name: str) -> Any:
        """botocore's shape of a property in a call, or None if the call does not have it."""
        shape = self.api.input_shape(self.service, call.operation)
        for part in self.names.get(name, name).split("."):
            key = member(part, shape.members)
            if key is None:
                return None
            shape = shape.members[key]
        return shape

    def _parameter(self, parameters: dict[str, Any], call: Call, name: str, value: Any) -> None:
        """Adds a property to the parameters of a call, converted to the form of the API."""
        shape = self.api.input_shape(self.service, call.operation)
        *within, last = self.names.get(name, name).split(".")
        target = parameters
        for part in within:
            key = str(member(part, shape.members))
            shape, target = shape.members[key], target.setdefault(key, {})
        key = str(member(last, shape.members))
        shape = shape.members[key]
        if name in self.documents and shape.type_name == "structure":
            value = self.structure(name, value)
        target[key] = to_api(value, shape, name, self.names)

    def structure(self, name: str, text: str) -> Any:
        """Converts a JSON text to an object, for an API that takes no text."""
        raise NotImplementedError

    def _tags(self, operation: str, tags: Mapping[str, str]) -> dict[str, Any]:
        shape = self.api.input_shape(self.service, operation)
        if "TagSpecifications" in shape.members:
            entries = [{"Key": key, "Value": value} for key, value in tags.items()]
            return {"TagSpecifications": [{"ResourceType": self.tag_type, "Tags": entries}]}
        key = member("tags", shape.members)
        return {key: to_api(dict(tags), shape.members[key], "tags")} if key else {}

    def _fill(self, template: Any, scope: Values) -> Any:
        if isinstance(template, str) and template.startswith("$"):
            return scope.get(template[1:])
        if isinstance(template, Mapping):
            filled = {key: self._fill(value, scope) for key, value in template.items()}
            return {key: value for key, value in filled.items() if value is not None}
        if isinstance(template, list):
            return [self._fill(value, scope) for value in template]
        return template

    def _fill_text(self, template: str, scope: Values) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in ("account", "partition", "dns_suffix"):
                return str(getattr(self.api, name))
            return str(scope.get(name) or (self.api.region if name == "region" else ""))

        return re.sub(r"\{(\w+)\}", value, template)


def _compound(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


class _NotYet(Failure):
    """The resource is not in the wanted state yet."""
