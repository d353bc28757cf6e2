"""CloudFormation's ``AWS::Serverless`` transform, by the library that AWS runs: stdin to stdout.

It runs in the environment of the SAM CLI, which brings that library.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from samtranslator.translator.transform import transform


class _NoManagedPolicies:
    """No function in our template asks for a managed policy by name."""

    def load(self) -> dict[str, str]:
        return {}


def spelled_out(node: Any) -> Any:
    """CloudFormation takes ``{"Fn::GetAtt": "Name.Attribute"}`` too; moto does not."""
    if isinstance(node, list):
        return [spelled_out(each) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("Fn::GetAtt"), str):
        return {"Fn::GetAtt": node["Fn::GetAtt"].split(".", 1)}
    return {name: spelled_out(each) for name, each in node.items()}


def main() -> None:
    """Expand one template."""
    given = json.load(sys.stdin)
    json.dump(spelled_out(transform(given, {}, _NoManagedPolicies())), sys.stdout)


if __name__ == "__main__":
    main()
