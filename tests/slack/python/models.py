"""Slack's own Python models read and check every message, modal and App Home view, and write them
again as they were."""

import copy
import json
import logging

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from payloads import hold
from standin import Checks

# What the models do not know, they tell in the log and leave out; the comparison sees it.
logging.disable(logging.CRITICAL)


def faults(kind, payload):
    payload = copy.deepcopy(payload)
    try:
        if kind == "message":
            return message_faults(payload)
        written = View(**payload).to_dict()
        return differences("", payload, json.loads(json.dumps(written)))
    except (SlackObjectFormationError, TypeError, ValueError, AttributeError, KeyError) as error:
        return [f"{type(error).__name__}: {error}"]


def message_faults(payload):
    found = []
    for place, block in enumerate(payload["blocks"]):
        parsed = Block.parse(copy.deepcopy(block))
        if parsed is None:
            found.append(f"blocks[{place}]: no such block as {block['type']}")
            continue
        written = json.loads(json.dumps(parsed.to_dict()))
        found += differences(f"blocks[{place}]", block, written)
    return found


def differences(place, ours, theirs):
    """What we sent and the models did not keep."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        lost = [f"{place}.{key} is unknown" for key in ours if key not in theirs]
        both = [key for key in ours if key in theirs]
        return lost + [fault for key in both for fault in differences(f"{place}.{key}", ours[key], theirs[key])]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [fault for at, (one, other) in enumerate(zip(ours, theirs)) for fault in differences(f"{place}[{at}]", one, other)]
    return [] if ours == theirs else [f"{place}: {str(ours)[:80]} became {str(theirs)[:80]}"]


check = Checks("slack_sdk models")
hold(check, "models", faults)
check.end()
