"""Slack's own SignatureVerifier accepts what the stand-in signs, and nothing else."""

from slack_sdk.signature import Clock, SignatureVerifier

from receiver import Receiver
from standin import Checks, Standin

standin = Standin()
check = Checks("SignatureVerifier")
taken = []


def take(path, headers, form, raw):
    taken.append((path, headers, raw))
    return 200, form.get("challenge", "")


receiver = Receiver(take)
standin.order("bot", url=receiver.url)


class Later(Clock):
    """A clock that goes wrong by some seconds."""

    def __init__(self, seconds):
        self.seconds = seconds

    def now(self):
        return super().now() + self.seconds


def holds(secret, raw, headers, seconds=0):
    return SignatureVerifier(secret, Later(seconds)).is_valid_request(raw, headers)


DELIVERIES = {
    "a slash command with many scripts": lambda: standin.act("slash", user="dana", channel="general", command="/jit", text="request db 1h שלום 👩‍💻 & < > % +"),
    "an event": lambda: standin.order("event", event={"type": "user_change", "user": {"id": "U0DANA", "name": "дана"}}),
    "a global shortcut": lambda: standin.act("shortcut", user="dana", callback_id="ask"),
    "a check of the certificate": lambda: standin.order("ssl_check"),
    "a question whose the address is": lambda: standin.order("url_verification", challenge="abc"),
}

for name, deliver in DELIVERIES.items():

    @check(f"{name}: taken as it is; refused changed, late, early, and with another secret")
    def _():
        taken.clear()
        deliver()
        assert len(taken) == 1, taken
        path, headers, raw = taken[0]
        secret = standin.signing_secret
        assert holds(secret, raw, headers), headers
        assert holds(secret, raw, headers, seconds=290)
        assert not holds(secret, raw + " ", headers), "a changed body"
        assert not holds(secret, raw, headers, seconds=302), "five minutes later"
        assert not holds(secret, raw, headers, seconds=-302), "five minutes before"
        assert not holds("another", raw, headers), "another secret"
        other = {**headers, "x-slack-request-timestamp": str(int(headers["x-slack-request-timestamp"]) + 1)}
        assert not holds(secret, raw, other), "another time than the signed one"


receiver.stop()
standin.stop()
check.end()
