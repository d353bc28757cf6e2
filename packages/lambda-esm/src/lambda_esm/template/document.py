"""Templates: SAM or CloudFormation, YAML with its short tags or JSON as the CDK writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from lambda_esm.errors import TemplateError

Json = dict[str, Any]


def load_template(path: Path) -> Json:
    """Return a parsed template; ``!Sub x`` becomes ``{"Fn::Sub": x}``, as CloudFormation reads it.

    Raises:
        TemplateError: no such file, not a template, or not YAML/JSON.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise TemplateError(f"The template {path} cannot be read: {error.strerror}.") from None
    try:
        document = json.loads(text) if path.suffix == ".json" else yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        raise TemplateError(f"The template {path} is not valid: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path} is not a template: it has no Resources.")
    return document


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms of intrinsic functions."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Json:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type] # the third kind
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


def _date_as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    # AWSTemplateFormatVersion: 2010-09-09 is a string to CloudFormation.
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _intrinsic)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date_as_text)
