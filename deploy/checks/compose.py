"""The compose files: their form, and what holds for every service."""

import functools
import json
import re
import tempfile
from pathlib import Path

from . import images, tools
from .run import ROOT, Fault, demand, run

FILES = [ROOT / "docker/compose.yaml", ROOT / "docker/compose.observability.yaml"]


@functools.cache
def model(*files):
    """Returns what the files say together, with all defaults, as compose-go reads them."""
    # Paths go by the folder of the first file, as they do in Docker.
    return json.loads(run(tools.go("compose-go"), "-format", "json", *files, cwd=files[0].parent))


def schema():
    run(tools.python("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", *FILES)


def compose_reads_them():
    """compose-go is what Docker reads compose files with. It finds unknown names as well."""
    for name in ("services", "networks", "volumes", "secrets"):
        demand(model(FILES[0]).get(name), f"{FILES[0]}: no {name}")
    demand(set(model(FILES[0])["services"]) < set(model(*FILES)["services"]), f"{FILES[1]} adds no service")


def a_misspelt_key_is_found():
    """The two checks above can fail."""
    with tempfile.TemporaryDirectory() as folder:
        wrong = Path(folder) / "compose.yaml"
        wrong.write_text(FILES[0].read_text().replace("memswap_limit:", "memswap_limits:"))
        for command in (
            [tools.python("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"],
            [tools.go("compose-go")],
        ):
            try:
                run(*command, wrong)
            except Fault:
                continue
            demand(False, f"{command[0]} does not find a misspelt key")


def every_service_is_confined():
    for name, service in model(*FILES)["services"].items():
        limits = service.get("ulimits", {}).get("core")
        for is_so, rule in (
            (service.get("read_only"), "read_only: true"),
            (service.get("cap_drop") == ["ALL"], "cap_drop: [ALL]"),
            ("no-new-privileges:true" in service.get("security_opt", []), "no-new-privileges:true"),
            (limits == 0 or limits == {"hard": 0, "soft": 0} or limits == {"single": 0}, "ulimits: {core: 0}"),
            (service.get("healthcheck", {}).get("test"), "a healthcheck"),
            (service.get("restart") == "unless-stopped", "restart: unless-stopped"),
            (service.get("logging", {}).get("options", {}).get("max-size"), "a bounded log"),
            (re.search(r":v?[1-9][^:]*$", service["image"]) or service.get("build"), "a fixed version of its image"),
        ):
            demand(is_so, f"{name} has not {rule}")
        for port in service.get("ports", []):
            demand(port.get("host_ip") == "127.0.0.1", f"{name} publishes {port} to other machines")


def no_message_comes_to_a_disk():
    """Relays, nsqds and nginx have no swap, and the queues are on tmpfs."""
    whole = model(FILES[0])
    for name, service in whole["services"].items():
        if name != "postgres":
            demand(service.get("mem_limit") == service.get("memswap_limit"), f"{name} may swap")
        for mount in service.get("volumes", []):
            if mount["type"] == "volume" and name != "postgres":
                options = whole["volumes"][mount["source"]].get("driver_opts", {})
                demand(options.get("type") == "tmpfs", f"{mount['source']} of {name} is not on tmpfs")


def nsqd_is_private():
    whole = model(*FILES)
    inside = {name for name, network in whole["networks"].items() if network.get("internal")}
    for name, service in whole["services"].items():
        if name.startswith("nsqd"):
            demand(
                set(service["networks"]) <= inside and not service.get("ports"), f"{name} can be reached from outside"
            )


def health_checks_are_those_of_the_images():
    """compose.yaml repeats them, so that it can be read alone."""
    for name, service in model(FILES[0])["services"].items():
        file = images.FILES.get(service["image"])
        is_as_built = not service.get("entrypoint")
        if file and is_as_built:
            test = service["healthcheck"]["test"]
            demand(test[1:] == images.Image(file).health, f"{name} and {file} differ in their health checks")


def what_is_mounted_is_there():
    for name, service in model(*FILES)["services"].items():
        for mount in service.get("volumes", []):
            demand(mount["type"] != "bind" or Path(mount["source"]).exists(), f"{name} mounts {mount['source']}")


def secrets_are_made():
    """docker/secrets-new makes each secret that the files name, and keeps those that are there."""
    with tempfile.TemporaryDirectory() as folder:
        run(ROOT / "docker/secrets-new", folder)
        first = {file.name: file.read_text() for file in Path(folder).iterdir()}
        named = {Path(secret["file"]).name for secret in model(*FILES)["secrets"].values()}
        demand(named <= set(first), f"docker/secrets-new does not make {named - set(first)}")
        run(ROOT / "docker/secrets-new", folder)
        demand(
            {file.name: file.read_text() for file in Path(folder).iterdir()} == first,
            "docker/secrets-new replaces secrets",
        )
        for name in first:
            demand(re.fullmatch(r"\S+", first[name]), f"the secret {name} has white space")


CHECKS = [
    schema,
    compose_reads_them,
    a_misspelt_key_is_found,
    every_service_is_confined,
    no_message_comes_to_a_disk,
    nsqd_is_private,
    health_checks_are_those_of_the_images,
    what_is_mounted_is_there,
    secrets_are_made,
]
