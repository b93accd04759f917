from __future__ import annotations

import pytest

from exams.errors import SittingError
from exams.room_access import Origin, config_key_hash, inside, read_access, seb_way

MAC, WIN = "4fa9af8ec8759eb7c680752ef4ee5eaf1a860628608fccae2715d519849f9292", "2534e4e9f3188f9f9133bf7cf7b4c5d898292bbd7e8d0230f39d1176636a1431"
#: Config Keys and URLs of Moodle's quizaccess_seb (tests/config_key_test.php, access_manager_test.php); the digests by coreutils' sha256sum
VECTORS = [
    ("https://example.com/moodle/mod/quiz/attempt.php?attemptid=123&page=4", MAC, "46f1fe43259348ea72de014a1442ec62507116466527b5f74696dcc80c46332e"),
    ("https://www.example.com/moodle", WIN, "5465d20dc0a7078a8b91a97aa63d6d34c4af222d772292f85c17842fb8ffb4af"),
]


@pytest.mark.parametrize(("url", "key", "sent"), VECTORS)
def test_published_keys_and_addresses_give_the_value_that_is_sent(url: str, key: str, sent: str) -> None:
    assert config_key_hash(url, key) == config_key_hash(url + "#part", key) == sent
    other = next(one for one in (MAC, WIN) if one != key)
    assert seb_way(f"{other},{key}", Origin(url=url, header=sent.upper())) == "header"
    assert seb_way(key, Origin(url="https://other.test/", script=sent, script_url=url)) == "script"
    for wrong in (
        Origin(url=url, header=key), Origin(url=url + "&x", header=sent), Origin(url=url, header=""), Origin(url=url), Origin(),
        Origin(url=url, header="0" * 64, script=sent, script_url=url), Origin(url=url, script=key, script_url=url),
        Origin(url=url.replace("https", "http"), header=sent),
    ):  # fmt: skip
        assert seb_way(key, wrong) is None
    assert seb_way(other, Origin(url=url, header=sent)) is None, "another exam's key"


def test_without_a_header_the_way_of_the_log_in_goes_on_but_a_wrong_header_never_does() -> None:
    assert seb_way(MAC, Origin(url="https://a.test/paper"), "script") == "script"
    assert seb_way(MAC, Origin(url="https://a.test/paper"), "header") is None, "a browser that had headers has them on every page"
    assert seb_way(MAC, Origin(url="https://a.test/paper", header="0" * 64), "script") is None
    assert seb_way(None, Origin()) == seb_way("", Origin(header="x")) == ""


def test_networks_as_officers_write_them() -> None:
    read = read_access(" 192.168.10.0/24，10.0.0.5\n10.0.0.5、fe80::/10 ; 2001:db8::7 ", f"\n{MAC.upper()}\n{WIN},{MAC} ")
    assert read.ranges == "192.168.10.0/24,10.0.0.5,fe80::/10,2001:db8::7" and read.seb_keys == f"{MAC},{WIN}"
    assert read_access("", " \n ").ranges == ""
    with pytest.raises(SittingError) as told:
        read_access("192.168.10.7/24 机房 0.0.0.0/0 1.2.3.4/33 ::/0", "4fa9 " + "g" * 64)
    for part in ("192.168.10.0/24，单台电脑请写成 192.168.10.7", "“机房”不是网段", "“0.0.0.0/0”是全部地址", "“1.2.3.4/33”", "“::/0”是全部", "现在 4 位", "“gggg"):
        assert part in str(told.value), "all faults at once"
    with pytest.raises(SittingError, match="不能超过 500"):
        read_access(" ".join(f"10.{n}.0.0/16" for n in range(60)), "")


@pytest.mark.parametrize(("address", "there"), [
    ("192.168.10.0", True), ("192.168.10.255", True), ("192.168.11.0", False), ("::ffff:192.168.10.9", True), ("10.0.0.5", True), ("10.0.0.6", False),
    ("fe80::1%eth0", True), ("2001:db8::1", False), ("", False), ("unknown", False), ("192.168.10.5:80", False), ("192.168.010.5", False),
])  # fmt: skip
def test_inside(address: str, there: bool) -> None:
    assert inside("192.168.10.0/24,10.0.0.5,fe80::/10", address) is there
    assert inside(None, address) and inside("", address)
