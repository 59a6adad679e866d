"""Reads what the view tests kept and the faults that were put in, for both Python validators."""

import json
import os
from collections import defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))


def views():
    """(kind, name, payload) of everything that the bot's view tests looked at."""
    with open(os.path.join(os.environ["JIT_QUALIFY"], "views.jsonl"), encoding="utf-8") as file:
        for line in file:
            view = json.loads(line)
            yield view["kind"], view["test"], view["payload"]


def bad(validator):
    """(kind, name, payload) of the faults that this validator is known to see."""
    with open(os.path.join(HERE, "..", "bad.json"), encoding="utf-8") as file:
        for case in json.load(file):
            if validator in case["refused_by"]:
                yield case["kind"], case["name"], case["payload"]


def hold(check, validator, faults):
    """`faults(kind, payload)` finds none in ours and some in each of the others."""
    found = defaultdict(list)
    seen = defaultdict(int)
    for kind, name, payload in views():
        seen[kind] += 1
        found[kind] += [f"{name}: {fault}" for fault in faults(kind, payload)]
    for kind, count in sorted(seen.items()):

        @check(f"{count} of kind {kind}")
        def _():
            told = sorted(set(found[kind]))
            assert not told, f"{len(told)} faults: {'; '.join(told[:5])}"

    cases = list(bad(validator))

    @check(f"refuses {len(cases)} faults that were put in")
    def _():
        through = [name for kind, name, payload in cases if not faults(kind, payload)]
        assert cases and not through, f"takes what Slack refuses: {through}"
