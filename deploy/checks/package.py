"""The Debian package: what Cargo.toml says of it is there, and makes the users and files that the units
need. Whether cargo-deb agrees, tools/release says."""

import functools
import json
import shutil

from . import tools
from .run import FERRY, ROOT, WORK, demand, run

try:
    import tomllib
except ImportError:  # Python 3.10
    from pip._vendor import tomli as tomllib

SCRIPTS = ("postinst", "prerm", "postrm")


def metadata():
    with open(ROOT / "Cargo.toml", "rb") as file:
        return tomllib.load(file)["package"]["metadata"]["deb"]


def origins(source):
    """Returns the files of an asset. Those below target/ are built by a release, from the binary."""
    if source == "target/release/ferry":
        return [FERRY]
    if source.startswith("target/release-files/"):
        made = made_by_ferry() / source.removeprefix("target/release-files/")
        return sorted(made.parent.glob(made.name))
    return sorted(path for path in ROOT.glob(source) if path.is_file())


@functools.cache
def made_by_ferry():
    """Returns a folder with the manual pages and completions, as tools/release makes them."""
    folder = WORK / "release-files"
    shutil.rmtree(folder, ignore_errors=True)
    run(ROOT / "tools/release", "files", FERRY, folder)
    return folder


@functools.cache
def tree():
    """Returns a folder with the files of the package, where they will be."""
    place = WORK / "package"
    shutil.rmtree(place, ignore_errors=True)
    for source, target, mode in metadata()["assets"]:
        found = origins(source)
        demand(found, f"Cargo.toml: no file for the asset {source}")
        for origin in found:
            there = place / target / origin.name if target.endswith("/") else place / target
            demand(not there.exists(), f"Cargo.toml: two assets are {there.relative_to(place)}")
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, there)
            there.chmod(int(mode, 8))
    return place


def every_asset_is_there():
    tree()
    for file in metadata()["conf-files"]:
        demand((tree() / file.lstrip("/")).is_file(), f"Cargo.toml: {file} of conf-files is no asset")
    below_etc = {"/" + str(file.relative_to(tree())) for file in (tree() / "etc").rglob("*") if file.is_file()}
    demand(below_etc == set(metadata()["conf-files"]), f"Cargo.toml: conf-files must be {sorted(below_etc)}")


def nothing_of_deploy_is_forgotten():
    packaged = {origin for source, *_ in metadata()["assets"] for origin in origins(source)}
    for file in (ROOT / "deploy/systemd").iterdir():
        demand(file in packaged, f"Cargo.toml: {file.relative_to(ROOT)} is in no package")


def scripts_are_sound():
    for script in SCRIPTS:
        path = ROOT / metadata()["maintainer-scripts"] / script
        run("sh", "-n", path)
        demand("#DEBHELPER#" in path.read_text(), f"{path} has no #DEBHELPER#")
    shellcheck = shutil.which("shellcheck")
    if shellcheck:
        run(
            shellcheck,
            *(ROOT / "deploy/debian" / script for script in SCRIPTS),
            ROOT / "docker/secrets-new",
            ROOT / "tools/release",
        )


def users_and_directories_are_made():
    """With the files of the package, in a root of their own."""
    place = WORK / "installed"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(tree(), place)
    run(tools.systemd("systemd-sysusers"), f"--root={place}", "ferry.conf")
    users = (place / "etc/passwd").read_text()
    for user in ("ferry", "ferry-nsqd"):
        demand(f"{user}:x:" in users, f"sysusers.conf makes no user {user}")
    run(tools.systemd("systemd-tmpfiles"), f"--root={place}", "--create", "ferry.conf")
    demand((place / "etc/ferry").stat().st_mode & 0o777 == 0o750, "others can enter /etc/ferry")
    for name in ("ferry.env", "ferry.toml"):
        demand((place / "etc/ferry" / name).stat().st_mode & 0o007 == 0, f"others can read /etc/ferry/{name}")


def settings_of_the_package_are_right():
    """`ferry serve` takes them, but for the directory of the database."""
    folder = WORK / "settings"
    folder.mkdir(parents=True, exist_ok=True)
    text = (tree() / "etc/ferry/ferry.toml").read_text().replace("/var/lib/ferry/", f"{folder}/")
    (folder / "ferry.toml").write_text(text)
    run(FERRY, "serve", "--check", "--config", folder / "ferry.toml")


def sbom_is_whole():
    """It names crates, packages of the page and C code, each with a hash or a version and a licence."""
    components = json.loads(run(ROOT / "tools/sbom"))["components"]
    names = {one["name"] for one in components}
    demand({"tokio", "ring", "preact", "sqlite", "swagger-ui-dist"} <= names, f"tools/sbom leaves out parts: {names}")
    demand("proptest" not in names and "vite" not in names, "tools/sbom names what only tests and builds need")
    for one in components:
        demand(one["version"] and one["purl"] and one.get("licenses"), f"tools/sbom says too little of {one}")


CHECKS = [
    every_asset_is_there,
    nothing_of_deploy_is_forgotten,
    scripts_are_sound,
    users_and_directories_are_made,
    settings_of_the_package_are_right,
    sbom_is_whole,
]
