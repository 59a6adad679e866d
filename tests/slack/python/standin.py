"""The stand-in for Slack as a process of ours, and how checks are told."""

import json
import os
import subprocess
import sys
import traceback
import urllib.error
import urllib.request

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))


class Standin:
    """Runs as long as its standard input is open, so it cannot outlive this process."""

    def __init__(self):
        self.process = subprocess.Popen(
            [os.environ["JIT_SANDBOX"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        hello = json.loads(self.process.stdout.readline())
        self.__dict__.update(hello)

    def order(self, order, **arguments):
        """What only the workspace itself can do."""
        self.process.stdin.write(json.dumps({"order": order, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer or answer["error"] is None, (order, arguments, answer)
        return answer

    def act(self, route, **body):
        """What a person does on the stand-in's page."""
        request = urllib.request.Request(
            f"{self.page_url}sandbox/{route}",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{route} {body}: {error.read().decode()}") from error

    def look(self, route):
        with urllib.request.urlopen(f"{self.page_url}sandbox/{route}", timeout=30) as answer:
            return json.load(answer)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Checks:
    """Prints one line a check, and goes on after a failure."""

    def __init__(self, group):
        self.group = group
        self.failed = 0

    def __call__(self, name):
        """Runs the function below as one check."""

        def run(check):
            try:
                check()
            except Exception as error:  # Whatever goes wrong in a check is that check's failure.
                self.failed += 1
                traceback.print_exc()
                told = " ".join(str(error).split())[:600]
                print(f"FAILED {self.group}: {name}: {type(error).__name__}: {told}", flush=True)
            else:
                print(f"ok {self.group}: {name}", flush=True)
            return check

        return run

    def end(self):
        sys.exit(1 if self.failed else 0)
