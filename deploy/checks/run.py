"""Runs programs, and says what is at fault."""

import os
import random
import shutil
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What is built, downloaded and written is below it.
WORK = ROOT / "target" / "deploy"
FERRY = Path(os.environ.get("FERRY_BINARY", ROOT / "target/debug/ferry"))


class Fault(Exception):
    """What is wrong, in words that say where."""


def run(*command, stdin=None, cwd=ROOT, env=None):
    """Returns what the program prints on standard output. Fails with all that it printed."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=stdin, cwd=cwd, env=env, text=True, capture_output=True, timeout=300)
    if done.returncode != 0:
        shown = " ".join(words) if len(words) < 12 else " ".join(words[:12]) + " …"
        raise Fault(f"{shown}: exit {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def demand(is_so, fault):
    """Fails with the fault unless it is so."""
    if not is_so:
        raise Fault(fault)


def wait_until(what, ask, seconds=30):
    """Asks until the answer is true or a value, and returns it. `ask` may fail with a Fault."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer, fault = ask(), "not yet"
        except (Fault, OSError) as error:
            answer, fault = None, error
        if answer:
            return answer
        demand(time.monotonic() < end, f"{what}: not within {seconds} s: {fault}")
        time.sleep(0.05)


def find(program, *more):
    """Returns the path of a program of the machine, also outside PATH, or None."""
    return shutil.which(program, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin", *more]))


_ports_taken = set()


def free_port():
    """Returns a port of 127.0.0.1 that is free, as is the one after it, and that no call has returned
    before. It is even, and below those that the system gives to clients."""
    while True:
        port = random.randrange(20_000, 32_000, 2)
        try:
            for each in (port, port + 1):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", each))
        except OSError:
            continue
        if port not in _ports_taken:
            _ports_taken.add(port)
            return port
