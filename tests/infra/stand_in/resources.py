"""Resource types that moto knows as a service but not, or not so, as part of a stack."""

from __future__ import annotations

import json
from typing import Any

from moto.apigatewayv2.models import apigatewayv2_backends
from moto.awslambda.models import lambda_backends
from moto.core.common_models import CloudFormationModel
from moto.kms.models import kms_backends
from moto.secretsmanager.models import secretsmanager_backends

Json = dict[str, Any]


class Resource(CloudFormationModel):
    """One resource of a stack.

    Attributes:
        kind: its type in templates.
        leads_to_others: it goes before what it leads to; moto has no order.
        physical_resource_id: what ``Ref`` gives.
        attributes: what ``Fn::GetAtt`` gives.
    """

    kind = "-"
    leads_to_others = False

    def __init__(self, physical_id: str, **attributes: str) -> None:
        self.physical_resource_id = physical_id
        self.attributes = attributes

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.kind

    @classmethod
    def has_cfn_attr(cls, _attr: str) -> bool:
        return True

    def get_cfn_attribute(self, name: str) -> str:
        return self.attributes[name]

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Json,
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> Resource:
        return cls.create(resource_name, cloudformation_json["Properties"], account_id, region_name)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Resource,
        new_resource_name: str,
        cloudformation_json: Json,
        account_id: str,
        region_name: str,
    ) -> Resource:
        original_resource.change(cloudformation_json["Properties"], account_id, region_name)
        return original_resource

    @classmethod
    def create(cls, name: str, properties: Json, account: str, region: str) -> Resource:
        raise NotImplementedError

    def change(self, properties: Json, account: str, region: str) -> None:
        """Nothing of it can change."""

    def delete(self, account: str, region: str) -> None:
        """Nothing is left of it."""


class Alias(Resource):
    """``live``, with the version that it leads to."""

    kind = "AWS::Lambda::Alias"
    leads_to_others = True

    @classmethod
    def create(cls, _name: str, properties: Json, account: str, region: str) -> Resource:
        function, version = properties["FunctionName"], _version(properties)
        made = lambda_backends[account][region].create_alias(
            properties["Name"], function, version, "", ""
        )
        return cls(made.arn, function=function, name=properties["Name"])

    def change(self, properties: Json, account: str, region: str) -> None:
        backend = lambda_backends[account][region]
        function = self.attributes["function"]
        backend.update_alias(self.attributes["name"], function, _version(properties), "", "")

    def delete(self, account: str, region: str) -> None:
        backend = lambda_backends[account][region]
        backend.delete_alias(self.attributes["name"], self.attributes["function"])


class Layer(Resource):
    """A version of a layer."""

    kind = "AWS::Lambda::LayerVersion"

    @classmethod
    def create(cls, name: str, properties: Json, account: str, region: str) -> Resource:
        made = lambda_backends[account][region].publish_layer_version(
            {"LayerName": name, **properties}
        )
        return cls(made.arn, name=made.name, version=str(made.version))

    def delete(self, account: str, region: str) -> None:
        backend = lambda_backends[account][region]
        backend.delete_layer_version(self.attributes["name"], self.attributes["version"])


class Version(Resource):
    """A published version."""

    kind = "AWS::Lambda::Version"

    @classmethod
    def create(cls, _name: str, properties: Json, account: str, region: str) -> Resource:
        backend = lambda_backends[account][region]
        # In an update, moto makes what is new before it changes what is there.
        backend.get_function(properties["FunctionName"]).code_or_config_updated = True
        made = backend.publish_version(properties["FunctionName"])
        assert made is not None
        return cls(made.function_arn, Version=str(made.version))


class Mapping(Resource):
    """moto's own takes queues and streams only; the service answers with what is kept here."""

    kind = "AWS::Lambda::EventSourceMapping"

    @classmethod
    def create(cls, _name: str, properties: Json, account: str, region: str) -> Resource:
        backend = lambda_backends[account][region]
        mapping = KafkaMapping(properties)
        backend._event_source_mappings[mapping.uuid] = mapping  # type: ignore[assignment] # stands in
        return cls(mapping.uuid)

    def change(self, properties: Json, account: str, region: str) -> None:
        held: Any = lambda_backends[account][region]._event_source_mappings
        held[self.physical_resource_id].properties = properties

    def delete(self, account: str, region: str) -> None:
        lambda_backends[account][region].delete_event_source_mapping(self.physical_resource_id)


class KafkaMapping:
    """What Lambda says of a mapping: its properties, and where it stands."""

    def __init__(self, properties: Json) -> None:
        from moto.moto_api._internal import mock_random

        self.uuid = str(mock_random.uuid4())
        self.properties = properties

    @property
    def event_source_arn(self) -> str:
        return str(self.properties.get("EventSourceArn", ""))

    @property
    def function_arn(self) -> str:
        return str(self.properties["FunctionName"])

    def get_configuration(self) -> Json:
        given = {**self.properties, "FunctionArn": self.function_arn}
        del given["FunctionName"]
        return {**given, "UUID": self.uuid, "State": "Enabled"}


class Api(Resource):
    """An HTTP API from an OpenAPI body, as SAM writes it."""

    kind = "AWS::ApiGatewayV2::Api"

    @classmethod
    def create(cls, name: str, properties: Json, account: str, region: str) -> Resource:
        api = apigatewayv2_backends[account][region].create_api(
            api_key_selection_expression="",
            cors_configuration=None,  # type: ignore[arg-type] # the answer wants nothing or an object
            description="",
            disable_schema_validation="",
            disable_execute_api_endpoint="",
            name=name,
            protocol_type="HTTP",
            route_selection_expression="",
            tags=properties.get("Tags", {}),
            version="",
        )
        made = cls(api.api_id)
        made.change(properties, account, region)
        return made

    def change(self, properties: Json, account: str, region: str) -> None:
        api = apigatewayv2_backends[account][region].get_api(self.physical_resource_id)
        api.routes.clear()
        for path, methods in properties["Body"]["paths"].items():
            for method, details in methods.items():
                self._route(api, f"{method.upper()} {path}", details)

    def _route(self, api: Any, key: str, details: Json) -> None:
        uri = details["x-amazon-apigateway-integration"]["uri"]
        # OpenAPI writes $default as a path.
        api.create_route(
            api_key_required=False,
            authorization_scopes=[],
            route_key="$default" if key.endswith("$default") else key,
            target=uri,
        )

    def delete(self, account: str, region: str) -> None:
        apigatewayv2_backends[account][region].delete_api(self.physical_resource_id)


class Stage(Resource):
    """An API's stage."""

    kind = "AWS::ApiGatewayV2::Stage"

    @classmethod
    def create(cls, _name: str, properties: Json, account: str, region: str) -> Resource:
        apigatewayv2_backends[account][region].create_stage(
            properties["ApiId"],
            {"stageName": properties["StageName"], "autoDeploy": properties.get("AutoDeploy")},
        )
        return cls(properties["StageName"])


class Secret(Resource):
    """A secret with the content that the template gives it."""

    kind = "AWS::SecretsManager::Secret"

    @classmethod
    def create(cls, name: str, properties: Json, account: str, region: str) -> Resource:
        answer = secretsmanager_backends[account][region].create_secret(
            name=name,
            secret_string=properties["SecretString"],
            secret_binary=None,
            description=None,
            tags=[],
            kms_key_id=None,
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
        return cls(json.loads(answer)["ARN"])

    def delete(self, account: str, region: str) -> None:
        backend = secretsmanager_backends[account][region]
        backend.delete_secret(self.physical_resource_id, None, force_delete_without_recovery=True)


class Key(Resource):
    """A KMS key; moto's own trips over tags."""

    kind = "AWS::KMS::Key"

    @classmethod
    def create(cls, _name: str, properties: Json, account: str, region: str) -> Resource:
        made = kms_backends[account][region].create_key(
            policy=json.dumps(properties["KeyPolicy"]),
            key_usage="ENCRYPT_DECRYPT",
            key_spec="SYMMETRIC_DEFAULT",
            description=properties["Description"],
            tags=[],
        )
        return cls(made.id, Arn=made.arn, KeyId=made.id)


def _version(properties: Json) -> str:
    return str(properties["FunctionVersion"]).rsplit(":", 1)[-1]
