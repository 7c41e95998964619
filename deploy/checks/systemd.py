"""The units: systemd reads them without a word, and they are confined."""

import shutil
from pathlib import Path

from . import package, tools
from .run import WORK, demand, run

SERVICES = ["ferry.service", "ferry-nsqd@1.service", "ferry-nsqd-clean.service"]
# What systemd-analyze calls exposure, of 100. Ours are at 12 and below.
EXPOSURE = 20


def root():
    """Returns a root with the units of the package, those of systemd that they name, and programs at
    the paths that they start."""
    place = WORK / "units"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(package.tree() / "usr/lib/systemd", place / "usr/lib/systemd")
    for unit in ("*.target", "*.slice", "systemd-journald*"):
        for path in sorted(Path("/usr/lib/systemd/system").glob(unit)):
            if path.is_file():
                shutil.copy(path, place / "usr/lib/systemd/system" / path.name)
    for program in (
        "usr/bin/ferry",
        "usr/local/bin/nsqd",
        "usr/bin/find",
        "usr/bin/kill",
        "usr/bin/mount",
        "usr/bin/umount",
    ):
        path = place / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/false\n")
        path.chmod(0o755)
    return place


def ours(place):
    """Returns the paths of our units, each template as its first instance."""
    names = sorted(path.name for path in (package.tree() / "usr/lib/systemd/system").iterdir())
    return [place / "usr/lib/systemd/system" / name.replace("@.", "@1.") for name in names]


def verify(place):
    """Returns what systemd says of the units. It ends well with keys that it does not know."""
    command = [tools.systemd("systemd-analyze"), f"--root={place}", "verify", *ours(place)]
    return run("bash", "-c", 'exec "$@" 2>&1', "verify", *command)


def systemd_reads_them():
    said = verify(root())
    demand(not said.strip(), said)


def a_misspelt_key_is_found():
    """The check above can fail."""
    place = root()
    unit = place / "usr/lib/systemd/system/ferry.service"
    unit.write_text(unit.read_text().replace("LimitCORE=", "LimitCores="))
    demand("LimitCores" in verify(place), "systemd-analyze does not find a misspelt key")


def services_are_confined():
    place = root()
    for service in SERVICES:
        run(
            tools.systemd("systemd-analyze"),
            f"--root={place}",
            "security",
            "--offline=true",
            f"--threshold={EXPOSURE}",
            service,
        )


def no_message_comes_to_a_disk():
    for service in ("ferry.service", "ferry-nsqd@.service"):
        lines = (package.tree() / "usr/lib/systemd/system" / service).read_text().splitlines()
        for line in ("LimitCORE=0", "MemorySwapMax=0"):
            demand(line in lines, f"{service}: {line} is missing")


CHECKS = [systemd_reads_them, a_misspelt_key_is_found, services_are_confined, no_message_comes_to_a_disk]
