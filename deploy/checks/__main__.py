"""Runs the checks of the modules that the arguments name, or of all of them."""

import importlib
import sys
import time

from .run import Fault

MODULES = ["images", "compose", "systemd", "nginx", "kubernetes", "prometheus", "names", "package", "topology"]


def main(names):
    unknown = set(names) - set(MODULES)
    if unknown:
        print(f"deploy/check: no {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}", file=sys.stderr)
        return 2
    faults, passed = [], 0
    for name in names or MODULES:
        module = importlib.import_module(f"checks.{name}")
        for check in module.CHECKS:
            begun = time.monotonic()
            title = f"{name}: {check.__name__.replace('_', ' ')}"
            try:
                check()
                passed += 1
                print(f"ok {title} ({time.monotonic() - begun:.1f} s)", flush=True)
            except Fault as fault:
                faults.append(title)
                print(f"FAULT {title}\n{fault}", flush=True)
    print(f"{passed} passed, {len(faults)} failed")
    return 1 if faults else 0


sys.exit(main(sys.argv[1:]))
