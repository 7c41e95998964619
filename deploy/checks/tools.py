"""The programs that the checks need: those of the machine, or else fetched into target/deploy.

Debian's packages are unpacked and not installed, because their services would start.
"""

import os
import shutil
import tempfile
from pathlib import Path

from .run import WORK, Fault, demand, find, run

# Program, Debian's package of it, and where it is in there. The versions are those of Debian's
# stable release.
PACKAGES = {
    "nginx": ("nginx", "usr/sbin/nginx"),
    "promtool": ("prometheus", "usr/bin/promtool"),
    "prometheus": ("prometheus", "usr/bin/prometheus"),
    "node_exporter": ("prometheus-node-exporter", "usr/bin/prometheus-node-exporter"),
    "bwrap": ("bubblewrap", "usr/bin/bwrap"),
}
MODULES = {
    "compose-go": ("github.com/compose-spec/compose-go/v2/cmd@v2.16.2", "cmd"),
    "kustomize": ("sigs.k8s.io/kustomize/kustomize/v5@v5.5.0", "kustomize"),
}


def debian(program):
    """Returns the path of a program that Debian packages."""
    installed = find(program)
    if installed:
        return installed
    package, inside = PACKAGES[program]
    place = WORK / "debian" / package
    if not place.is_dir():
        demand(find("apt-get"), f"{program} is missing: install it, then run this again")
        print(f"   fetching {package}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            try:
                run("apt-get", "download", "-qq", package, cwd=folder)
            except Fault:
                run(*([] if os.getuid() == 0 else ["sudo"]), "apt-get", "update", "-qq")
                run("apt-get", "download", "-qq", package, cwd=folder)
            unpacked = Path(folder) / "unpacked"
            run("dpkg", "-x", next(Path(folder).glob("*.deb")), unpacked)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(unpacked, place, symlinks=True)
    return place / inside


def go(program):
    """Returns the path of a program that is built from a Go module of a fixed version."""
    module, built = MODULES[program]
    place = WORK / "go" / module.replace("/", "+")
    if not (place / built).exists():
        print(f"   building {module}", flush=True)
        run("go", "install", module, env={**os.environ, "GOBIN": str(place), "GOFLAGS": "-p=2"})
    return place / built


def python(program):
    """Returns the path of a program of the venv."""
    return WORK / "venv" / "bin" / program


def systemd(program):
    """Returns the path of a program of systemd. The machine must have it."""
    path = find(program)
    demand(path, f"{program} is missing (package on Debian: systemd)")
    return path
