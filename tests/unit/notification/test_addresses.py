"""Which addresses can be written to, and how they look in a log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.transports.addresses import mailbox, masked, masked_phone
from shared.contract.errors import BadMessage


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("zoe@example.com", "zoe@example.com"),
        ("Zoe+News@Example.COM", "Zoe+News@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("a@localhost", "a@localhost"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@faß.de", "info@xn--fa-hia.de"),  # not fass.de, which is somebody else's
        ("用户@例子.公司", "用户@xn--fsqu00a.xn--55qx5d"),
    ],
)
def test_an_address_is_written_with_an_ascii_domain(address: str, written: str) -> None:
    assert mailbox(address).addr_spec == written


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@example.com",
        "a@",
        "a b@example.com",
        "a@exa mple.com",
        "a@example.com\r\nRCPT TO:<b@example.com>",
        "a@b@example.com",
        '"a"@example.com',
        "a,b@example.com",
        "a@example.com,b@example.com",
        "<a@example.com>",
        "a@example.com>",
        ".a@example.com",
        "a..b@example.com",
        "a@-example.com",
        "a@example..com",
        "a@[127.0.0.1]",
        "a@\u2028example.com",
        "a@xn--\u00fc.example",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.example",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(BadMessage) as refused:
        mailbox(address)
    assert "example" not in str(refused.value)


@given(st.text(max_size=80) | st.from_regex(r"[^@]{1,10}@[^@]{1,20}", fullmatch=True))
def test_whatever_is_given_at_most_one_clean_address_comes_out(address: str) -> None:
    try:
        written = mailbox(address).addr_spec
    except BadMessage:
        return
    assert written.count("@") == 1
    assert written.isprintable()
    assert not set(written) & set(' <>,;:"()[]\\')


@pytest.mark.parametrize(
    ("address", "shown"),
    [("zoe@example.com", "z***@example.com"), ("z@example.com", "z***@example.com")],
)
def test_a_log_shows_too_little_of_an_address_to_write_to_it(address: str, shown: str) -> None:
    assert masked(address) == shown


def test_a_log_shows_two_digits_of_a_number() -> None:
    assert masked_phone("+491711234567") == "***67"
