"""The folders of functions and what template.yaml says agree."""

from __future__ import annotations

from lambda_esm.template.document import load_template
from local.build import TARGETS
from local.project import ALL_FUNCTIONS, FUNCTIONS, ROOT, logical_id

RESOURCES = load_template(ROOT / "template.yaml")["Resources"]


def test_each_folder_with_a_handler_is_a_function_of_the_template() -> None:
    handlers = {
        name: each["Properties"]["Handler"]
        for name, each in RESOURCES.items()
        if each["Type"] == "AWS::Serverless::Function"
        and each["Properties"]["Handler"].endswith(".handler.handler")
    }

    assert handlers == {logical_id(name): f"{name}.handler.handler" for name in ALL_FUNCTIONS}


def test_all_but_the_gateway_are_driven_by_mappings() -> None:
    driven = {
        each["Properties"]["FunctionName"]["Fn::Sub"].strip("${}").removesuffix(".Alias")
        for each in RESOURCES.values()
        if each["Type"] == "AWS::Lambda::EventSourceMapping"
    }

    assert driven == set(FUNCTIONS.values())


def test_each_is_deployed_from_the_folder_that_is_built() -> None:
    for name, each in RESOURCES.items():
        if each["Type"] == "AWS::Serverless::Function" and name in TARGETS:
            assert each["Properties"]["CodeUri"] == f"dist/{TARGETS[name].folder}"


def test_names_of_several_words_are_one_name_in_the_template() -> None:
    assert logical_id("order_history") == "OrderHistoryFunction"
