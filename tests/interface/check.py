"""Checks the documents of the interface against the rules of their formats, and a relay against docs/openapi.json.

Usage: check.py RELAY, where RELAY is the binary. Exits with 0 if everything is as described.
"""

import gzip
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import jsonschema
import openapi_spec_validator

HERE = Path(__file__).parent
DOCS = HERE.parent.parent / "docs"
# The limit of examples for each call and each way of generating requests.
EXAMPLES = 20
SECONDS_TO_START = 30
# More than ten times the usual duration.
SECONDS_FOR_ALL = 600


def check_documents():
    """Fails if one of the documents is not valid."""
    openapi_spec_validator.validate(json.loads((DOCS / "openapi.json").read_text()))
    schema = json.loads(gzip.decompress((HERE / "asyncapi-3.0.0.schema.json.gz").read_bytes()))
    jsonschema.validate(json.loads((DOCS / "asyncapi.json").read_text()), schema)
    print("docs/openapi.json and docs/asyncapi.json are what they say they are")


class Relay:
    """A relay in memory and SQLite, on a free port, until the end of the block."""

    def __init__(self, binary, directory):
        self.log = directory / "relay.log"
        flags = ["--listen", "127.0.0.1:0", "--log-format", "json", "--no-rate-limits", "--default-add", "anybody"]
        flags += ["--database", f"sqlite://{directory / 'ferry.db'}", "--argon2-memory", "64", "--argon2-iterations", "1"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen([binary, "serve", *flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self.process.poll() is None:
            for line in self.log.read_text().splitlines():
                if '"ferry listens"' in line and line.endswith("}"):
                    self.url = f"http://{json.loads(line)['address']}"
                    return self
            time.sleep(0.02)
        self.__exit__()
        raise SystemExit(f"the relay does not listen:\n{self.log.read_text()}")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def call(self, path, body, token=None):
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def seed(relay):
    """Makes a user with a room. Returns their token, the room, and another member of it."""
    # The examples in the document log in as carol. The caller is another user, because the
    # examples must not be able to delete the caller's account.
    relay.call("/v1/accounts", {"username": "carol", "password": "correct horse"})
    member = relay.call("/v1/accounts", {"username": "member", "password": "another password"})["user"]["id"]
    relay.call("/v1/accounts", {"username": "owner", "password": "another password"})
    login = {"username": "owner", "password": "another password", "device_name": "schemathesis"}
    token = relay.call("/v1/sessions", login)["access_token"]
    room = relay.call("/v1/rooms", {"kind": "group", "name": "a room", "members": [member]}, token)["room"]["id"]
    return token, room, member


def check_relay(relay, directory):
    """Runs Schemathesis against the relay and returns its exit code."""
    token, room, member = seed(relay)
    config = (HERE / "schemathesis.toml").read_text().replace("ROOM", room).replace("MEMBER", member)
    (directory / "schemathesis.toml").write_text(config)
    command = [Path(sys.executable).parent / "schemathesis", "--config-file", directory / "schemathesis.toml", "run"]
    command += [f"{relay.url}/openapi.json", "--header", f"Authorization: Bearer {token}"]
    command += ["--checks", "all", "--max-examples", str(EXAMPLES), "--no-color"]
    # In its own directory, because Schemathesis stores what it found for the next run.
    return subprocess.run(command, cwd=directory, timeout=SECONDS_FOR_ALL).returncode


def main():
    check_documents()
    with tempfile.TemporaryDirectory() as directory, Relay(Path(sys.argv[1]).resolve(), Path(directory)) as relay:
        code = check_relay(relay, Path(directory))
        if code != 0:
            print("--- the relay's log, its end", *relay.log.read_text().splitlines()[-50:], sep="\n")
        return code


sys.exit(main())
