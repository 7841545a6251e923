"""--limits aws: quotas a second, answered as AWS answers; --limits open has none."""
import concurrent.futures
import json
import time

import pytest

import vouch
from test_api import send, signed


def burst(server, method, path, count, body=b"", key=None):
    """The answers to `count` requests, several at once, and the seconds that they took."""
    prepared = [signed(server, method, path, body, key=key) for _ in range(count)]
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda request: send(server, request), prepared))
    return answers, time.monotonic() - begun


def came_too_slowly(count, seconds, rate):
    """A machine so busy that it cannot ask as often as it may."""
    return count <= rate + rate * seconds


@pytest.fixture(scope="module")
def limited():
    with vouch.Server("--limits", "aws") as server:
        yield server


def test_a_quota_is_enforced_and_told_as_aws_does(limited):
    answers, seconds = burst(limited, "GET", "/things", 60)
    good = [a for a in answers if a[0] == 200]
    throttled = [a for a in answers if a[0] == 400]
    assert len(good) + len(throttled) == 60
    assert 10 <= len(good) <= 10 + 10 * seconds + 1, (len(good), seconds)
    for _, headers, text in throttled:
        assert headers["x-amzn-ErrorType"].split(":")[0] == "ThrottlingException"
        assert json.loads(text)["message"] == "Rate exceeded"
    assert throttled or came_too_slowly(60, seconds, 10), seconds
    # Another operation has its own bucket, and this one fills again.
    assert send(limited, signed(limited, "GET", "/policies"))[0] == 200
    time.sleep(0.5)
    assert send(limited, signed(limited, "GET", "/things"))[0] == 200
    assert "reason=rate-exceeded" in limited.log_text()


def test_boto_sees_throttling(limited):
    iot = limited.boto()
    with pytest.raises(iot.exceptions.ThrottlingException) as refused:
        for i in range(200):
            iot.list_things()
    assert refused.value.response["Error"]["Message"] == "Rate exceeded"


def test_strangers_and_the_denied_take_nothing(limited):
    time.sleep(1.1)
    wrong = dict(limited.admin, secretAccessKey="x" * 40)
    made = json.loads(limited.vouch("user", "create", "nobody", "--output", "json").stdout)
    for key in (wrong, made):
        answers, _ = burst(limited, "DELETE", "/policies/none", 30, key=key)
        assert {a[0] for a in answers} == {403}
    answers, _ = burst(limited, "DELETE", "/policies/none", 10)
    assert {a[0] for a in answers} == {404}


def test_device_certificates_share_a_quota(limited):
    time.sleep(1.1)
    answers, seconds = burst(limited, "POST", "/keys-and-certificate", 60, b"{}")
    good = sum(a[0] == 200 for a in answers)
    assert 15 <= good <= 15 + 15 * seconds + 1, (good, seconds)
    assert good < 60 or came_too_slowly(60, seconds, 15), seconds


def test_open_has_no_quotas(server):
    answers, _ = burst(server, "GET", "/things", 60)
    assert {a[0] for a in answers} == {200}
