"""The images: their Dockerfiles, what they are built from, and whether their programs start in them."""

import json
import re
import shlex
import shutil
from pathlib import Path

from . import tools
from .run import FERRY, ROOT, WORK, demand, run

# What the build of the relay puts there beside the program: its libraries, as ldd names them.
LIBRARIES = "/image/"
FILES = {"ferry": ROOT / "docker/Dockerfile", "ferry-nsqd": ROOT / "docker/nsqd.Dockerfile"}
USER = "65532"


class Image:
    """The last stage of a Dockerfile, as far as ours use it."""

    def __init__(self, file):
        self.file, self.base, self.env, self.copied = file, None, {}, []
        self.entrypoint, self.cmd, self.user, self.health = [], [], None, None
        text = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", file.read_text()))
        for line in filter(None, (line.strip() for line in text.splitlines())):
            word, rest = line.split(maxsplit=1)
            if word == "FROM":
                self.__init_stage(rest.split()[0])
            elif word == "ENV":
                self.env.update(pair.split("=", 1) for pair in shlex.split(rest))
            elif word == "COPY":
                words = [part for part in rest.split() if not part.startswith("--")]
                self.copied.append(("--from=" in rest, words[0], words[-1]))
            elif word in ("ENTRYPOINT", "CMD"):
                setattr(self, word.lower(), json.loads(rest))
            elif word in ("USER", "WORKDIR"):
                setattr(self, word.lower(), rest)
            elif word == "HEALTHCHECK":
                self.health = json.loads(rest[rest.index("CMD") + 3 :])

    def __init_stage(self, base):
        self.base, self.env, self.copied, self.workdir = base, {}, [], "/"

    def root(self, place):
        """Makes the file system of the image: what is copied, and nothing else."""
        shutil.rmtree(place, ignore_errors=True)
        for folder in ("etc/ssl/certs", "tmp", "proc", "dev", "run"):
            (place / folder).mkdir(parents=True)
        (place / "etc/nsswitch.conf").write_text("hosts: files dns\n")
        for is_built, source, target in self.copied:
            there = place / target.lstrip("/")
            if source == LIBRARIES:
                continue
            origin = built(source) if is_built else ROOT / source
            if origin is None:
                there.mkdir(parents=True)
                continue
            demand(origin.exists(), f"{self.file}: COPY {source}: {origin} is missing")
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, there)
            if is_built:
                self.__bring_libraries(origin, place)
        return place

    def __bring_libraries(self, program, place):
        brings = any(source == LIBRARIES for _, source, _ in self.copied)
        for library in libraries(program):
            demand(brings, f"{program} needs {library.name}, which {self.file} does not copy")
            there = place / str(library).lstrip("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library.resolve(), there)


def built(path):
    """Returns from here the program that a stage builds at this path, or None for a directory."""
    if not path.startswith("/usr/local/bin/"):
        return None
    name = Path(path).name
    return FERRY if name == "ferry" else ROOT / "target/nsq" / name


def libraries(program):
    """Returns the libraries that a program is linked with, the loader among them."""
    linked = run("bash", "-c", 'ldd "$0" 2>&1 || true', program)
    if "not a dynamic executable" in linked or "statically linked" in linked:
        return []
    demand("not found" not in linked, f"{program}: {linked}")
    return [Path(path) for path in re.findall(r"(?:=> )?(/\S+) \(0x", linked)]


def sandbox(root, env, user=USER, workdir="/", binds=(), tmpfs=()):
    """Returns the words in front of a command that start it as Docker does: with this root, which is
    read-only, this user and no rights. The network is that of the machine."""
    words = [tools.debian("bwrap"), "--unshare-all", "--share-net", "--die-with-parent", "--as-pid-1", "--clearenv"]
    words += [
        "--uid",
        user,
        "--gid",
        user,
        "--cap-drop",
        "ALL",
        "--ro-bind",
        root,
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    for folder in tmpfs:
        words += ["--tmpfs", folder]
    for source, target, is_read_only in binds:
        words += ["--ro-bind" if is_read_only else "--bind", source, target]
    for name, value in env.items():
        words += ["--setenv", name, value]
    return [*words, "--chdir", workdir, "--"]


def lint():
    """hadolint finds nothing."""
    for file in FILES.values():
        run(tools.python("hadolint"), file)


def image_has_no_shell_and_no_root():
    for file in FILES.values():
        image = Image(file)
        demand(image.user == f"{USER}:{USER}", f"{file}: USER must be {USER}:{USER}")
        demand(image.health, f"{file}: HEALTHCHECK is missing")
        demand(image.base == "scratch", f"{file}: {image.base} may have a shell")


def what_is_compiled_in_is_sent_to_docker():
    """.dockerignore lets through each file that a source includes."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = [ROOT / line[1:] for line in lines if line.startswith("!")]
    sources = [file for folder in ("src", "crates") for file in sorted((ROOT / folder).rglob("*.rs"))]
    sources = [file for file in sources if not {"tests", "benches"} & set(file.relative_to(ROOT).parts)]
    included = re.compile(r'(?:include_(?:str|bytes)|embed_migrations)!\(\s*"([^"]+)"')
    for source in sources:
        for path in included.findall(source.read_text()):
            base = source.parent
            # Migrations are named from the crate.
            if not (base / path).exists():
                base = next(folder for folder in source.parents if (folder / "Cargo.toml").exists())
            target = (base / path).resolve()
            is_sent = any(target == sent or sent in target.parents for sent in let_through)
            demand(
                is_sent,
                f".dockerignore keeps {target.relative_to(ROOT)} out, which {source.relative_to(ROOT)} includes",
            )
    for file in FILES.values():
        for is_built, source, _ in Image(file).copied:
            target = ROOT / source
            is_sent = is_built or any(target == sent or sent in target.parents for sent in let_through)
            demand(is_sent, f".dockerignore keeps {source} out, which {file} copies")


def programs_start_in_their_images():
    """With what the image copies, without anything else of this machine."""
    for name, file in FILES.items():
        image = Image(file)
        root = image.root(WORK / "images" / name)
        box = sandbox(root, image.env, workdir=image.workdir)
        for program in sorted((root / "usr/local/bin").iterdir()):
            if program.name == "nsq-tend":
                run(*box, f"/usr/local/bin/{program.name}", "present", "/")
            else:
                run(*box, f"/usr/local/bin/{program.name}", "--version")


def nsq_tend_does_what_it_says():
    folder = ROOT / "tools/nsq"
    run("go", "vet", "./nsq-tend", cwd=folder)
    run("go", "test", "./nsq-tend", cwd=folder)


CHECKS = [
    lint,
    image_has_no_shell_and_no_root,
    what_is_compiled_in_is_sent_to_docker,
    nsq_tend_does_what_it_says,
    programs_start_in_their_images,
]
