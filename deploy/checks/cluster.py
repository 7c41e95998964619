"""The cluster of the compose files as plain processes on 127.0.0.1.

Arguments, environment, files, users and read-only roots are those of the compose files, so that these
are what is tried. What differs: names become 127.0.0.1 with free ports, PostgreSQL is the one of
tools/postgres, and images of others are the programs of the same name on this machine.
"""

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from urllib.request import urlopen

from . import compose, images, tools
from .run import ROOT, Fault, demand, free_port, run, wait_until

# Programs of images that cannot be had here, by the name of the service, and where they are in the
# image. Grafana and Jaeger are left out.
FOREIGN = {"nginx": "nginx", "prometheus": "prometheus", "node-exporter": "node_exporter"}


class Cluster:
    """Starts the services in the order in which they depend on each other, and ends them."""

    def __init__(self, folder, *files):
        self.folder = folder
        self.model = compose.model(*files)
        self.services = self.model["services"]
        self.ports, self.processes, self.started = {}, {}, set()
        self.secrets = folder / "secrets"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in reversed(list(self.processes)):
            process, pid = self.processes[name]
            if process.poll() is None:
                os.kill(pid, signal.SIGKILL)
                process.wait()
        run(ROOT / "tools/postgres", "stop", self.folder / "postgres")

    def port(self, service, port):
        """Returns the port of 127.0.0.1 that takes the place of a port of a service. Those of nsqd stay
        side by side: a relay knows one, and adds 1."""
        is_odd = int(port) % 2
        key = (service, int(port) - is_odd)
        if key not in self.ports:
            self.ports[key] = free_port()
        return self.ports[key] + is_odd

    def address(self, service, port):
        return f"127.0.0.1:{self.port(service, port)}"

    def here(self, service, text):
        """Returns the text with the addresses of the services as they are here."""
        for network in self.model["networks"].values():
            for config in (network.get("ipam") or {}).get("config") or []:
                around = config["subnet"].rsplit(".", 1)[0]
                text = re.sub(rf"\b{re.escape(around)}\.\d+\b", "127.0.0.1", text)
        text = re.sub(
            r"\b(?:0\.0\.0\.0|127\.0\.0\.1|localhost):(\d+)\b", lambda found: self.address(service, found[1]), text
        )
        names = "|".join(sorted(map(re.escape, self.services), key=len, reverse=True))
        return re.sub(rf"(?<![\w.-])({names}):(\d+)\b", lambda found: self.address(found[1], found[2]), text)

    def start_all(self):
        run(ROOT / "docker/secrets-new", self.secrets)
        self.start_postgres()
        while len(self.started) < len(self.services):
            ready = [
                name
                for name, service in self.services.items()
                if name not in self.started and set(service.get("depends_on") or {}) <= self.started
            ]
            demand(ready, "services depend on each other in a circle")
            for name in ready:
                self.start(name)
            for name in ready:
                self.wait_until_healthy(name)

    def start_postgres(self):
        """Starts PostgreSQL with the user, the password and the database that the relays expect."""
        url = run(ROOT / "tools/postgres", "start", self.folder / "postgres").strip()
        self.ports["postgres", 5432] = int(re.search(r":(\d+)/", url)[1])
        env = self.services["postgres"]["environment"]
        user, database = env["POSTGRES_USER"], env["POSTGRES_DB"]
        password = (self.secrets / "database-password").read_text()
        run("psql", url, "--quiet", "-c", f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
        run(
            "psql", url, "--quiet", "-c", f"CREATE DATABASE {database} OWNER {user} ENCODING 'UTF8' TEMPLATE template0"
        )
        self.started.add("postgres")

    def start(self, name):
        """Starts a service, if its program can be had here."""
        self.started.add(name)
        if self.services[name]["image"] not in images.FILES and name not in FOREIGN:
            return
        box, command = self.container(name)
        read, write = os.pipe()
        box = [*box[:1], "--info-fd", write, *box[1:]]
        # Appended: a service that starts again keeps what it has said.
        with open(self.folder / f"{name}.log", "a") as log:
            process = subprocess.Popen(
                [str(word) for word in (*box, *command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[write],
            )
        os.close(write)
        with os.fdopen(read) as told:
            about = told.read()
        demand(about, f"{name} does not start:\n{self.log(name)}")
        self.processes[name] = (process, json.loads(about)["child-pid"])

    def container(self, name):
        """Returns the words that make the container of a service, and its command."""
        service = self.services[name]
        file = images.FILES.get(service["image"])
        environment = {key: value or "" for key, value in (service.get("environment") or {}).items()}
        binds, tmpfs = self.mounts(name), [entry.split(":")[0] for entry in service.get("tmpfs") or []]
        root = self.folder / "roots" / (service["image"] if file else name)
        if file:
            image = images.Image(file)
            environment = {**image.env, **environment}
            # An entrypoint of the service takes the command of the image away.
            words = [service.get("entrypoint") or image.entrypoint, service.get("command")]
            command = [*words[0], *(words[1] or ([] if service.get("entrypoint") else image.cmd))]
            user, workdir = image.user.split(":")[0], image.workdir
            if not root.exists():
                image.root(root)
        else:
            program = tools.debian(FOREIGN[name])
            command = [program, *(service.get("command") or [])]
            user, workdir = (service.get("user") or "65534").split(":")[0], "/"
            binds = [*machine(root), (program, program, True), *binds]
        for source, target, _ in binds:
            make_place(root, target, is_file=Path(source).is_file())
        for folder in tmpfs:
            make_place(root, folder, is_file=False)
        environment = {key: self.here(name, value) for key, value in environment.items()}
        box = images.sandbox(root, environment, user, workdir, binds, tmpfs)
        return box, [self.here(name, str(word)) for word in command]

    def mounts(self, name):
        """Returns what is mounted into a service: sources, targets, and whether they are read-only. Files
        name the services as they are here."""
        service, binds = self.services[name], []
        for mount in service.get("volumes") or []:
            source = Path(mount["source"])
            if mount["type"] == "volume":
                source = self.folder / "volumes" / mount["source"]
                source.mkdir(parents=True, exist_ok=True)
                source.chmod(0o777)
            elif source.is_file():
                source = self.rewritten(name, source)
            binds.append((source, mount["target"], mount.get("read_only", False)))
        for secret in service.get("secrets") or []:
            file = self.secrets / Path(self.model["secrets"][secret["source"]]["file"]).name
            # compose-go may say the whole path, or only a name.
            target = Path("/run/secrets") / (secret.get("target") or secret["source"])
            binds.append((self.rewritten(name, file), str(target), True))
        return binds

    def rewritten(self, name, file):
        """Returns a copy of the file with the addresses as they are here."""
        copy = self.folder / "files" / name / file.name
        # A relay reads its tokens at each call, so they are written once.
        if copy.exists():
            return copy
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = self.here(name, file.read_text())
        text = re.sub(r"(?m)^(\s*listen )(\d+);", lambda found: f"{found[1]}{self.address(name, found[2])};", text)
        text = text.replace("scrape_interval: 15s", "scrape_interval: 1s").replace(
            "evaluation_interval: 15s", "evaluation_interval: 1s"
        )
        copy.write_text(text)
        return copy

    def wait_until_healthy(self, name):
        if name not in self.processes:
            return
        test = self.services[name]["healthcheck"]["test"]
        demand(test[0] == "CMD", f"{name}: a health check that needs a shell")
        # Those of other images need programs of these images.
        is_ours = self.services[name]["image"] in images.FILES

        def ask():
            if self.processes[name][0].poll() is not None:
                return True
            if is_ours:
                box, _ = self.container(name)
                return run(*box, *(self.here(name, word) for word in test[1:])) is not None
            url = next(word for word in test if word.startswith("http"))
            with urlopen(self.here(name, url), timeout=5) as answer:
                return answer.status == 200

        try:
            wait_until(f"{name} is healthy", ask, seconds=60)
        except Fault as fault:
            raise Fault(f"{fault}\n{self.log(name)}") from None
        demand(self.processes[name][0].poll() is None, f"{name} has ended:\n{self.log(name)}")

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()[-4000:]

    def stop(self, name):
        """Stops a service as Docker does, and returns its exit status."""
        process, pid = self.processes[name]
        sent = getattr(signal, self.services[name].get("stop_signal") or "SIGTERM")
        os.kill(pid, sent)
        minutes, seconds = re.fullmatch(
            r"(?:(\d+)m)?(\d+)s", self.services[name].get("stop_grace_period") or "10s"
        ).groups()
        grace = 60 * int(minutes or 0) + int(seconds)
        try:
            return process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            raise Fault(f"{name} does not stop within {grace} s:\n{self.log(name)}") from None


def machine(root):
    """Returns the mounts that bring the libraries of this machine into the root of a foreign image."""
    root.mkdir(parents=True, exist_ok=True)
    binds = [("/usr", "/usr", True), ("/sys", "/sys", True)]
    for folder in ("bin", "sbin", "lib", "lib64"):
        path = Path("/") / folder
        if path.is_symlink() and not (root / folder).is_symlink():
            (root / folder).symlink_to(os.readlink(path))
    for folder in ("tmp", "proc", "dev", "run", "etc"):
        (root / folder).mkdir(exist_ok=True)
    return binds


def make_place(root, target, is_file):
    """Makes the file or folder onto which something is mounted: the root is read-only."""
    place = root / str(target).lstrip("/")
    if place.exists() or str(target).startswith("/usr/"):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if is_file:
        place.touch()
    else:
        place.mkdir()
