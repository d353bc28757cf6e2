"""Intrinsic functions of CloudFormation, resolved from parameters and from the template itself.

Source: CloudFormation User Guide, "Intrinsic function reference" and "Pseudo parameters".
Names and ARNs that only a deployed stack knows are those of a stack named ``local``.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from lambda_esm.errors import TemplateError, Unresolved
from lambda_esm.model.account import ACCOUNT, region
from lambda_esm.template.document import Json

STACK: Final = "local"
_NO_VALUE: Final = object()
_SUB = re.compile(r"\$\{(!?)([^}]+)\}")
# The property that names a resource, and the service part of its ARN.
_NAMED: Final = {
    "AWS::Serverless::Function": ("FunctionName", "lambda", "function:"),
    "AWS::Lambda::Function": ("FunctionName", "lambda", "function:"),
    "AWS::SQS::Queue": ("QueueName", "sqs", ""),
    "AWS::SNS::Topic": ("TopicName", "sns", ""),
    "AWS::S3::Bucket": ("BucketName", "s3", ""),
    "AWS::MSK::Cluster": ("ClusterName", "kafka", "cluster/"),
    "AWS::MSK::ServerlessCluster": ("ClusterName", "kafka", "cluster/"),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager", "secret:"),
}
_REF_IS_ARN: Final = (
    "AWS::SNS::Topic",
    "AWS::MSK::Cluster",
    "AWS::MSK::ServerlessCluster",
    "AWS::SecretsManager::Secret",
)


class Resolver:
    """The values of one template, with intrinsic functions resolved.

    Args:
        template: as :func:`lambda_esm.template.document.load_template` reads it.
        parameters: the command line's; the template's defaults fill the rest.

    Raises:
        TemplateError: the template has no such parameter, or does not allow its value.
    """

    def __init__(self, template: Json, parameters: Mapping[str, str]) -> None:
        self._template = template
        self._resources: Json = template["Resources"]
        self._declared: Json = template.get("Parameters") or {}
        self._given = dict(parameters)
        for name, value in parameters.items():
            self._check_parameter(name, value)

    def resolve(self, value: Any) -> Any:
        """Return the value with every intrinsic function resolved, without ``AWS::NoValue``.

        Raises:
            Unresolved: only CloudFormation can know the value.
        """
        resolved = self._value(value)
        return None if resolved is _NO_VALUE else resolved

    def default_parameters(self, value: Any, text: str) -> None:
        """Set the parameters that ``value`` refers to and that have no value yet to ``text``."""
        for name in _references(value):
            declared = self._declared.get(name)
            if declared is not None and name not in self._given and not declared.get("Default"):
                self._given[name] = text

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self._value, value) if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        members = ((name, self._value(member)) for name, member in value.items())
        return {name: member for name, member in members if member is not _NO_VALUE}

    def _function(self, name: str, argument: Any) -> Any:
        known: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::If": self._if,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda a: a[0].join(str(part) for part in self._value(a[1])),
            "Fn::Split": lambda a: self._value(a[1]).split(a[0]),
            "Fn::Select": lambda a: self._value(a[1])[int(self._value(a[0]))],
            "Fn::FindInMap": self._find_in_map,
            "Fn::Base64": lambda a: base64.b64encode(str(self._value(a)).encode()).decode(),
            "Fn::ToJsonString": self._to_json,
        }
        if name not in known:
            raise Unresolved(f"{name} is not known before deployment; pass the value yourself.")
        return known[name](argument)

    def _to_json(self, argument: Any) -> str:
        return json.dumps(self._value(argument))

    def _ref(self, name: str) -> Any:
        if name.startswith("AWS::"):
            return self._pseudo(name)
        if name in self._declared:
            return self._parameter(name)
        logical, _, attribute = name.partition(".")
        if attribute == "Alias":  # SAM: !Ref Function.Alias
            return self._name(logical) + ":" + str(self._property(logical, "AutoPublishAlias"))
        if name not in self._resources:
            raise TemplateError(f"The template refers to {name}, which it does not define.")
        is_arn = self._resources[name].get("Type") in _REF_IS_ARN
        return self._arn(name) if is_arn else self._name(name)

    def _pseudo(self, name: str) -> Any:
        values = {
            "AWS::NoValue": _NO_VALUE,
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": region(),
            "AWS::Partition": "aws",
            "AWS::StackName": STACK,
            "AWS::StackId": f"arn:aws:cloudformation:{region()}:{ACCOUNT}:stack/{STACK}/{STACK}",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NotificationARNs": [],
        }
        if name not in values:
            raise TemplateError(f"{name} is not a pseudo parameter.")
        return values[name]

    def _parameter(self, name: str) -> Any:
        declared = self._declared[name]
        value = self._given.get(name, declared.get("Default"))
        if value is None:
            raise Unresolved(f"The parameter {name} has no value; pass --parameter {name}=...")
        if "List" in str(declared.get("Type", "String")):
            return [item.strip() for item in str(value).split(",")] if value != "" else []
        return str(value)

    def _check_parameter(self, name: str, value: str) -> None:
        if name not in self._declared:
            known = ", ".join(self._declared) or "none"
            raise TemplateError(f"The template has no parameter {name}; it has: {known}.")
        allowed = self._declared[name].get("AllowedValues")
        if allowed and value not in [str(item) for item in allowed]:
            raise TemplateError(f"The parameter {name} must be one of {allowed}, not {value!r}.")

    def _if(self, argument: Any) -> Any:
        condition, then, otherwise = argument
        return self._value(then if self._condition(condition) else otherwise)

    def _condition(self, condition: Any) -> bool:
        if isinstance(condition, str):
            conditions = self._template.get("Conditions") or {}
            if condition not in conditions:
                raise TemplateError(f"The template has no condition {condition}.")
            return self._condition(conditions[condition])
        name, argument = next(iter(condition.items()))
        known: dict[str, Callable[[Any], bool]] = {
            "Condition": self._condition,
            "Fn::Equals": lambda a: bool(str(self._value(a[0])) == str(self._value(a[1]))),
            "Fn::Not": lambda a: not self._condition(a[0]),
            "Fn::And": lambda a: all(self._condition(part) for part in a),
            "Fn::Or": lambda a: any(self._condition(part) for part in a),
        }
        if name not in known:
            raise TemplateError(f"{name} cannot stand in a condition.")
        return known[name](argument)

    def exists(self, resource: Json) -> bool:
        """Return whether a resource's ``Condition`` lets it be created."""
        return "Condition" not in resource or self._condition(resource["Condition"])

    def _get_att(self, argument: Any) -> Any:
        logical, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        if logical not in self._resources:
            raise TemplateError(f"The template refers to {logical}, which it does not define.")
        if attribute == "Alias":  # SAM: ${Function.Alias} in a Fn::Sub
            return self._ref(f"{logical}.Alias")
        if attribute in ("Arn", "TopicArn"):
            return self._arn(logical)
        if attribute.endswith("Name"):
            return self._name(logical)
        raise Unresolved(f"{logical}.{attribute} is not known before deployment.")

    def _name(self, logical: str) -> str:
        named = _NAMED.get(self._resources[logical].get("Type", ""))
        return str((named and self._property(logical, named[0])) or logical)

    def _arn(self, logical: str) -> str:
        kind = self._resources[logical].get("Type", "")
        if kind not in _NAMED:
            raise Unresolved(f"The ARN of {logical} is not known before deployment.")
        _, service, prefix = _NAMED[kind]
        where = ":" if service == "s3" else f"{region()}:{ACCOUNT}"
        return f"arn:aws:{service}:{where}:{prefix}{self._name(logical)}"

    def _property(self, logical: str, name: str) -> Any:
        return self.resolve((self._resources[logical].get("Properties") or {}).get(name))

    def _sub(self, argument: Any) -> str:
        text, local = argument if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in local:
                return str(self._value(local[name]))
            is_attribute = "." in name and not name.startswith("AWS::")
            return str(self._get_att(name) if is_attribute else self._ref(name))

        return _SUB.sub(replace, text)

    def _find_in_map(self, argument: Any) -> Any:
        try:
            found: Any = self._template.get("Mappings") or {}
            for key in argument[:3]:
                found = found[self._value(key)]
        except KeyError as error:
            raise TemplateError(f"Fn::FindInMap finds no {error}.") from None
        return self._value(found)


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for item in value for name in _references(item)]
    if not isinstance(value, dict):
        return []
    here = [value["Ref"]] if isinstance(value.get("Ref"), str) else []
    return here + [name for item in value.values() for name in _references(item)]
