"""A resource type as a row of data, and the one engine that checks, compares, makes, reads, changes and deletes by it."""

import difflib
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import jmespath  # type: ignore[import-untyped]

from local.plugins.aws.api import Api, ApiError, limit, patiently
from local.plugins.aws.differences import Comparison, Difference
from local.plugins.aws.documents import normalized
from local.plugins.aws.durations import parsed, written
from local.plugins.aws.shapes import Refused, from_api, member, to_api
from local.plugins.common import UNKNOWN, Failure, Unfinished, holds_unknown

Values = Mapping[str, Any]

#: Seconds that Terraform's SDK waits where a resource says nothing (hashicorp/terraform-plugin-sdk, schema.ResourceData.Timeout).
_DEFAULT_LIMIT = 20 * 60.0


@dataclass(frozen=True)
class Call:
    """One operation of the API and what it is given."""

    operation: str
    given: Values = field(default_factory=dict)
    """Parameters that are fixed, or filled in where they say `$id` or `$property`; one that has no value is left out."""
    sends: str = ""
    """Properties that go with it, separated by blanks. Of an update: a change of any makes the call."""
    at: str = ""
    """JMESPath of the part of the answer that is wanted, with `{property}` filled in."""
    only_changed: bool = False
    """An update that sends what changed and nothing else."""
    when_made: bool = False
    """An update that also follows the creation, where AWS's own value is not the wanted one."""


@dataclass(frozen=True)
class AutoName:
    """The property that gets a name when the program gives none: the resource's, a hyphen and seven hex digits."""

    property: str = "name"
    limit: int = 255
    lower: bool = False

    def __call__(self, name: str, seed: bytes) -> str:
        digits = hashlib.sha256(seed).hexdigest()[:7] if seed else secrets.token_hex(4)[:7]
        name = name.lower() if self.lower else name
        return f"{name[: self.limit - len(digits) - 1]}-{digits}"


@dataclass(frozen=True)
class Ready:
    """The property of an answer that tells whether the resource can be used, and its value then."""

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
    """Where the resource's own answer holds none."""


class Resource:
    """One type of resource: a row of data that the methods here act by; a type overrides what AWS does in a way of its own.

    Lists of names are separated by blanks. Names are Pulumi's; a name in `replaces`, `computed` or `unordered` may stand at any
    depth (`replaces` with its path).
    """

    token: ClassVar[str]
    service: ClassVar[str]

    inputs: ClassVar[str]
    """Every property that a program may give, `region` and `tags` left out."""
    required: ClassVar[str] = ""
    replaces: ClassVar[str] = ""
    """A change of one of these needs a new resource."""
    computed: ClassVar[str] = ""
    """Optional, and AWS's own if the program gives none: leaving them out later changes nothing."""
    unordered: ClassVar[str] = ""
    """Lists whose order means nothing."""
    own: ClassVar[str] = ""
    """The provider's own, which no call carries."""
    defaults: ClassVar[Values] = {}
    documents: ClassVar[Mapping[str, Callable[[str, str], bool]]] = {}
    """JSON texts, and when two of them are equal."""
    patterns: ClassVar[Mapping[str, str]] = {}
    """Regular expressions that a text must match as a whole."""
    auto_name: ClassVar[AutoName | None] = None
    delete_before_replace: ClassVar[bool] = False
    regional: ClassVar[bool] = True

    names: ClassVar[Mapping[str, str]] = {}
    """Pulumi's names that differ from the API's by more than case and plural; with dots for a member within a member."""
    answers: ClassVar[Mapping[str, str]] = {}
    """JMESPath of a property in the answer of `read`, where it is not the property's own name."""
    outputs: ClassVar[Mapping[str, str]] = {}
    """Properties that only AWS knows: JMESPath, or text with `{id}`, `{region}`, `{account}`, `{partition}` after an equals sign."""
    unfilled: ClassVar[str] = ""
    """Outputs that the SDK declares and this stand-in never knows: None, so that a preview of an unchanged resource knows them."""
    blank: ClassVar[Values] = {}
    """What an output says where AWS has nothing, if the true provider does not leave it None."""
    volatile: ClassVar[Mapping[str, str]] = {}
    """Outputs that an update makes unknown in a preview, and the properties whose change does; `*` is any."""

    creating: ClassVar[Call | None] = None
    """`at` is the new id; without, it is `{…}` of `id_form`."""
    id_form: ClassVar[str] = ""
    reading: ClassVar[Call]
    updating: ClassVar[Sequence[Call]] = ()
    deleting: ClassVar[Call | None] = None
    tagging: ClassVar[Tagging | None] = None
    tag_type: ClassVar[str] = ""
    """EC2's name of the type in a tag specification."""
    ready: ClassVar[Ready | None] = None
    limits: ClassVar[Mapping[str, int]] = {}
    """Seconds that the true provider waits for the end of `create`, `update` and `delete`, where its resource declares that limit; any
    other is 20 minutes and cannot be changed (pulumi-terraform-bridge, pull request 2390)."""
    busy: ClassVar[str] = "DependencyViolation DeleteConflict InvalidGroup.InUse OperationAborted"
    """Refusals that pass once other resources are gone."""

    def __init__(self, api: Api, default_tags: Mapping[str, str] | None = None) -> None:
        self.api = api
        self._default_tags = default_tags or {}

    # What a program may give

    @cached_property
    def known(self) -> frozenset[str]:
        """Every input property."""
        own = set(self.inputs.split())
        return frozenset(
            own | ({"region"} if self.regional else set()) | ({"tags", "tagsAll"} if self.tagging else set())
        )

    def check(self, name: str, news: Values, olds: Values, seed: bytes) -> tuple[dict[str, Any], list[Refused]]:
        """The inputs with names and defaults filled in, and everything that is wrong with them.

        Args:
            name: the resource's name in the program.
            news: what the program gives.
            olds: the inputs of the last update, empty for a new resource.
            seed: where the digits of a name come from.
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
            faults.append(Refused("region", f"the local AWS is {self.api.region} alone, not {inputs['region']}"))
        faults += self._timeout_faults(inputs)
        if not faults:
            faults += self.faults(inputs)
        inputs["__defaults"] = sorted(filled)
        return inputs, faults

    def limit(self, operation: str, properties: Values, custom: float) -> float:
        """Seconds that the true provider would wait for the end of an operation.

        Args:
            operation: `create`, `update` or `delete`.
            properties: the wanted ones, for a deletion the last ones: what they say before it counts.
            custom: of Pulumi's `customTimeouts`, 0 for none; a type with a property `timeouts` looks at that alone.
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
                yield Refused(f"timeouts.{operation}", f'{given!r} is no duration such as "30s" or "2h45m"')

    def faults(self, inputs: Values) -> Iterator[Refused]:
        """What the true provider refuses beyond names, types and choices; nothing for most types."""
        return iter(())

    def _no_such(self, key: str) -> str:
        near = difflib.get_close_matches(key, self.known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(self.known - {'tagsAll'}))}."
        return f"{self.token} has no such property, or none that the local AWS stands in for; {hint}"

    def _text(self, key: str, value: Any) -> Any:
        if key not in self.documents or isinstance(value, str):
            return value
        return UNKNOWN if holds_unknown(value) else normalized(value)

    def _faults(self, key: str, value: Any) -> Iterator[Refused]:
        if value is UNKNOWN:
            return
        if key in self.patterns and not (isinstance(value, str) and re.fullmatch(self.patterns[key], value)):
            yield Refused(key, f"{value!r} does not match {self.patterns[key]}")
        carrier = self._carriers.get(key)
        if carrier and key not in ("tags", "tagsAll", "region"):
            try:
                self._parameter({}, carrier, key, value)
            except Refused as refused:
                yield refused

    # What changed

    @cached_property
    def comparison(self) -> Comparison:
        """How this type's values are compared."""
        return Comparison(
            computed=frozenset(self.computed.split()),
            unordered=frozenset(self.unordered.split()),
            documents=self.documents,
        )

    def differences(self, news: Values, state: Values, before: Values) -> list[Difference]:
        """Everything that an update has to change."""
        return self.comparison.between(news, state, before)

    def replacing(self, differences: Sequence[Difference], news: Values, before: Values) -> set[str]:
        """The paths among the differences that need a new resource."""
        names = {*self.replaces.split(), *(["region"] if self.regional else [])}
        return {d.path for d in differences if any(d.names == name or d.names.startswith(f"{name}.") for name in names)}

    def deletes_first(self, news: Values) -> bool:
        """Whether the old resource goes before the new one comes: two cannot have one name."""
        auto = self.auto_name
        named = (
            auto is not None and news.get(auto.property) is not None and auto.property not in news.get("__defaults", ())
        )
        return self.delete_before_replace or named

    # Previews

    def preview_create(self, inputs: Values) -> dict[str, Any]:
        """The outputs of a resource that is not made yet."""
        awaited = {*self.outputs, *(set(self.computed.split()) & self.known - inputs.keys())}
        return {**dict.fromkeys(self.known), **self._wanted(inputs), **dict.fromkeys(awaited, UNKNOWN)}

    def preview_update(self, inputs: Values, state: Values, differences: Sequence[Difference]) -> dict[str, Any]:
        """The outputs of a resource after a change that is not made yet."""
        changed = {d.top for d in differences} - {"tagsAll"}
        unsettled = [name for name, by in self.volatile.items() if changed and (by == "*" or changed & set(by.split()))]
        return {**self._nothing(), **self._kept(state), **self._wanted(inputs), **dict.fromkeys(unsettled, UNKNOWN)}

    # The life of a resource

    def create(self, inputs: Values) -> tuple[str, dict[str, Any]]:
        """Makes the resource.

        Returns:
            its id and outputs.

        Raises:
            Unfinished: if it is there but not as it should be.
            Failure: if it is not there.
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
        """The call that makes the resource; gives its id."""
        if self.creating is None:
            raise NotImplementedError(self.token)
        answer = self.call(self.creating, wanted)
        return self._fill_text(self.id_form, wanted) if self.id_form else str(answer)

    def finish(self, id: str, wanted: Values) -> None:
        """What follows the call that makes it."""
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
        """The outputs as AWS has them now, None if the resource is gone."""
        answer = self.describe(id, state)
        return None if answer is None else (id, self.render(id, answer, state))

    def inputs_of(self, inputs: Values, properties: Values) -> dict[str, Any]:
        """Inputs after a refresh: as they were, but for what differs in AWS now."""
        drifted = {d.top for d in self.differences(inputs, properties, inputs)}
        now = {key: properties[key] for key in drifted if properties.get(key) is not None}
        return {key: now.get(key, value) for key, value in inputs.items()}

    def update(self, id: str, news: Values, state: Values, differences: Sequence[Difference]) -> dict[str, Any]:
        """Changes the resource in place; gives its outputs."""
        wanted = {**self._kept(state), **self._wanted(news)}
        changed = {d.top for d in differences}
        if "tagsAll" in changed:
            self.retag(id, wanted, wanted["tagsAll"], state.get("tagsAll") or {})
        if others := changed - {"tags", "tagsAll"}:
            self.change(id, wanted, state, others)
        self.wait_until_ready(id, wanted)
        return self._outputs(id, wanted)

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        """Makes the calls that changed properties need.

        Args:
            id: the resource's.
            wanted: all properties, as they shall be.
            state: all properties, as they were.
            changed: the top-level names that differ.
        """
        for call in self.updating:
            touched = changed & set(call.sends.split())
            if touched:
                silent = set(call.sends.split()) - touched if call.only_changed else set()
                self.call(call, {**{k: v for k, v in wanted.items() if k not in silent}, "id": id})

    def delete(self, id: str, state: Values) -> None:
        """Deletes the resource and waits until it is gone; one that is gone already is well."""

        def attempt() -> None:
            try:
                self.unmake(id, state)
            except ApiError as error:
                # What is not found may be something else that the resource hangs on.
                if not error.gone or self.describe(id, state) is not None:
                    raise

        patiently(attempt, while_=lambda error: isinstance(error, ApiError) and error.code in self.busy.split())
        self.wait_until_gone(id, state)

    def unmake(self, id: str, state: Values) -> None:
        """The calls that delete it."""
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
        """Returns once the resource can be used.

        Raises:
            Failure: if AWS says it never will be.
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

        patiently(attempt, while_=lambda error: isinstance(error, _NotYet))

    def wait_until_gone(self, id: str, state: Values) -> None:
        """Returns once AWS no longer knows the resource."""

        def attempt() -> None:
            if self.describe(id, state) is not None:
                raise _NotYet(f"{id}: timeout while waiting for resource to be gone (timeout: {written(limit())})")

        patiently(attempt, while_=lambda error: isinstance(error, _NotYet))

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        """AWS's own answer about the resource, None if there is none."""
        try:
            answer = self.call(self.reading, {**state, "id": id})
        except ApiError as error:
            if error.gone:
                return None
            raise
        return answer if isinstance(answer, dict) else None

    # Between states and answers

    def call(self, call: Call, scope: Values, extra: Values | None = None) -> Any:
        """Makes a call: its own parameters filled in from `scope`, the properties it sends, and `extra`."""
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
        """The outputs that an answer of AWS means.

        Args:
            id: the resource's.
            answer: AWS's own.
            state: the properties as wanted or last seen; what the answer does not tell stays.
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
        return {**self._nothing(), **{key: value for key, value in result.items() if value is not None}}

    def tags(self, id: str, answer: Values, state: Values) -> dict[str, str]:
        """The resource's tags without AWS's own."""
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
            raise Failure(f"{id} was made, but AWS does not know it")
        return self.render(id, answer, wanted)

    def _wanted(self, inputs: Values) -> dict[str, Any]:
        own = {
            key: self._text(key, value) for key, value in inputs.items() if key != "__defaults" and value is not None
        }
        normal = {
            key: normalized(value) for key, value in own.items() if key in self.documents and isinstance(value, str)
        }
        return {**{k: v for k, v in self.defaults.items() if k in self.known}, **own, **normal}

    def _nothing(self) -> dict[str, Any]:
        """Every output of a resource that has none of them."""
        return {**dict.fromkeys([*self.known, *self.outputs, *self.unfilled.split()]), **self.blank}

    def _kept(self, state: Values) -> dict[str, Any]:
        """What stays of a state although the program does not give it: AWS's own values."""
        lasting = set(self.computed.split()) | set(self.outputs)
        return {k: v for k, v in state.items() if k in lasting or k not in self.known}

    @cached_property
    def _carriers(self) -> dict[str, Call]:
        """The call whose model says what a property may be."""
        calls = [self.creating, *self.updating]
        return {name: call for call in reversed(calls) if call for name in call.sends.split()}

    def shape_of(self, call: Call, name: str) -> Any:
        """botocore's shape of a property in a call, None if the call's model does not have it."""
        shape = self.api.input_shape(self.service, call.operation)
        for part in self.names.get(name, name).split("."):
            key = member(part, shape.members)
            if key is None:
                return None
            shape = shape.members[key]
        return shape

    def _parameter(self, parameters: dict[str, Any], call: Call, name: str, value: Any) -> None:
        """Puts a property into the parameters of a call, at its place and in its form."""
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
        """The object that a JSON text stands for, where the API takes no text."""
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
    """A state that passes."""
