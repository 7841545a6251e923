import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "e2e")]

import vouch  # noqa: E402

CHROMIUM = "/usr/bin/chromium"


class Browser:
    """Scripts of this folder, each in a Node of its own with Debian's Chromium. A script prints one JSON object a line;
    what it cannot do by itself (start an agent, revoke by another way) it asks for, and the test does it."""

    def __init__(self, server):
        self.server = server

    def start(self, script, **options):
        assert (HERE / "node_modules" / "playwright-core").is_dir(), "npm packages are missing; ./test installs them"
        admin = json.loads((self.server.data / "admin.json").read_text())
        world = dict(base=self.server.api, chromium=CHROMIUM, user=admin["userName"], password=admin["consolePassword"],
                     screenshots=os.environ.get("VOUCH_SCREENSHOTS", ""), **options)
        return Script(subprocess.Popen([shutil.which("node"), script], cwd=HERE, env=dict(os.environ, VOUCH_WORLD=json.dumps(world)),
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True), self.server)

    def run(self, script, **options):
        """Its last word."""
        return self.start(script, **options).finish()


class Script:
    def __init__(self, process, server):
        self.process, self.server, self.said = process, server, []

    def hear(self, what=None):
        """The next line; of that kind, when one is named."""
        for line in self.process.stdout:
            word = json.loads(line)
            self.said.append(word)
            if what is None or what in word:
                return word
        self.fail()

    def say(self, **words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def fail(self):
        self.process.kill()
        _, errors = self.process.communicate()
        raise AssertionError(f"{errors}\nsaid: {self.said}\n{self.server.log_text()[-3000:]}")

    def finish(self, timeout=120):
        try:
            out, errors = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.fail()
        assert self.process.returncode == 0, f"{errors}\nsaid: {self.said} {out[-2000:]}\n{self.server.log_text()[-3000:]}"
        self.said += [json.loads(line) for line in out.splitlines()]
        return self.said[-1] if self.said else None


@pytest.fixture(scope="module")
def server():
    with vouch.Server() as running:
        yield running


@pytest.fixture(scope="module")
def browser(server):
    return Browser(server)
