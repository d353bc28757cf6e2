"""Brokers that ask who one is: SASL/SCRAM over TLS and mutual TLS, on Apache Kafka."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import trustme
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives import serialization

from local import ports
from local.services.apache_kafka import ApacheKafka
from local.services.kafka_properties import Listener
from tests.lambda_esm.aws import Aws
from tests.lambda_esm.command import Runner, mapping, template
from tests.lambda_esm.endpoint import Endpoint
from tests.lambda_esm.kafka import Kafka

pytestmark = pytest.mark.apache

USER, PASSWORD = "worker", "only-for-this-test"


class Cluster:
    """Apache Kafka with three ways in: in the clear for the test itself, SCRAM, and mutual TLS.

    Attributes:
        open: how the test itself gets in.
        ca: PEM of who vouches for the broker.
        certificate, key: PEM of a client that the broker knows.
        scram, mtls: addresses.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        own, client = authority.issue_cert(ports.HOST), authority.issue_cert("client@example.com")
        self.ca = authority.cert_pem.bytes().decode()
        self.certificate, self.key = _chain(client), _pkcs8(client)
        scram, mtls = ports.any_free(), ports.any_free()
        self.scram, self.mtls = f"{ports.HOST}:{scram}", f"{ports.HOST}:{mtls}"
        tls = {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": _chain(own),
            "ssl.keystore.key": _pkcs8(own),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": self.ca,
        }
        module = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        sasl = {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "scram-sha-512.sasl.jaas.config": module,
        }
        self._kafka = ApacheKafka(
            folder,
            listeners=[
                Listener("SCRAM", "SASL_SSL", scram, {**tls, **sasl}),
                Listener("MTLS", "SSL", mtls, {**tls, "ssl.client.auth": "required"}),
            ],
        )

    def start(self) -> None:
        """Run, and know one user."""
        self._kafka.start()
        self.open = Kafka(self._kafka.bootstrap_servers, embedded=False)
        admin = AdminClient({"bootstrap.servers": self._kafka.bootstrap_servers})
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        known = UserScramCredentialUpsertion(USER, info, PASSWORD.encode())
        admin.alter_user_scram_credentials([known])[USER].result(30)

    def stop(self) -> None:
        self._kafka.stop()

    @property
    def as_user(self) -> dict[str, str]:
        """The environment of a process that comes with its password."""
        return {
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SASL_PASSWORD": PASSWORD,
            "KAFKA_SSL_CA": self.ca,
        }

    @property
    def as_certified(self) -> dict[str, str]:
        """The environment of a process that comes with its certificate."""
        return {
            "KAFKA_SECURITY_PROTOCOL": "SSL",
            "KAFKA_SSL_CA": self.ca,
            "KAFKA_SSL_CERTIFICATE": self.certificate,
            "KAFKA_SSL_KEY": self.key,
        }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("secured"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def topic(cluster: Cluster) -> str:
    """Make a topic of this cluster, with one record."""
    topic = cluster.open.topic("secured")
    cluster.open.write(topic, "for those who may")
    return topic


@pytest.mark.parametrize("who", ["as_user", "as_certified"])
def test_the_environments_credentials_open_the_cluster(
    esm: Runner, endpoint: Endpoint, cluster: Cluster, topic: str, who: str
) -> None:
    servers = cluster.scram if who == "as_user" else cluster.mtls
    document = template({"M": mapping(topic)})
    flags = ("--endpoint", endpoint.url, "--once")

    ended = esm(document, *flags, servers=servers, env=getattr(cluster, who))

    assert ended.exit_code() == 0, ended.text
    assert endpoint.values == ["for those who may"]


@pytest.mark.parametrize("kind", ["SASL_SCRAM_512_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH"])
def test_the_templates_own_secrets_open_the_cluster(
    esm: Runner, endpoint: Endpoint, cluster: Cluster, topic: str, aws: Aws, kind: str
) -> None:
    of_user = {"username": USER, "password": PASSWORD}
    of_certified = {"certificate": cluster.certificate, "privateKey": cluster.key}
    by_password = kind == "SASL_SCRAM_512_AUTH"
    access = {
        kind: of_user if by_password else of_certified,
        "SERVER_ROOT_CA_CERTIFICATE": {"certificate": cluster.ca},
    }
    listed = [
        {"Type": each, "URI": _secret(aws, f"{topic}.{each}", access[each])} for each in access
    ]
    servers = {"KafkaBootstrapServers": [cluster.scram if by_password else cluster.mtls]}
    own = mapping(
        topic,
        SelfManagedEventSource={"Endpoints": servers},
        SourceAccessConfigurations=listed,
    )
    flags = ("--endpoint", endpoint.url, "--once")

    ended = esm(template({"M": own}), *flags, servers=None, env=aws.env)

    assert ended.exit_code() == 0, ended.text
    assert endpoint.values == ["for those who may"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"KAFKA_SASL_PASSWORD": "wrong"}, "SASL authentication"),
        ({"KAFKA_SSL_CA": trustme.CA().cert_pem.bytes().decode()}, "certificate"),
        ({"KAFKA_SASL_USERNAME": "nobody"}, "SASL authentication"),
    ],
)
def test_who_may_not_is_told_why_and_no_secret_is_shown(
    esm: Runner, cluster: Cluster, topic: str, changed: Mapping[str, str], reason: str
) -> None:
    refused = esm(
        template({"M": mapping(topic)}), servers=cluster.scram, env={**cluster.as_user, **changed}
    )

    assert refused.exit_code() == 2, refused.text
    assert "Kafka refuses us at" in refused.text
    assert reason in refused.text
    assert PASSWORD not in refused.text
    assert "Traceback" not in refused.text


def test_without_a_certificate_mutual_tls_refuses(
    esm: Runner, cluster: Cluster, topic: str
) -> None:
    only_trust = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA": cluster.ca}

    refused = esm(template({"M": mapping(topic)}), servers=cluster.mtls, env=only_trust)

    assert refused.exit_code() == 2, refused.text
    assert "certificate" in refused.text


@pytest.fixture
def aws() -> Iterator[Aws]:
    aws = Aws()
    yield aws
    aws.close()


def _secret(aws: Aws, name: str, members: Mapping[str, str]) -> str:
    made = aws.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(members))
    return str(made["ARN"])


def _chain(leaf: trustme.LeafCert) -> str:
    return "".join(pem.bytes().decode() for pem in leaf.cert_chain_pems)


def _pkcs8(leaf: trustme.LeafCert) -> str:
    """Kafka reads private keys in PKCS #8 only."""
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    encoded = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return encoded.decode()
