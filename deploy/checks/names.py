"""Every flag and variable of Ferry in docker/, deploy/ and docs/ is one that `ferry` has."""

import functools
import re
from concurrent.futures import ThreadPoolExecutor

from .run import FERRY, ROOT, demand, run

# Variables that are not of the program `ferry`: of tests and tools.
OTHERS = re.compile(r"FERRY_(BINARY|RELAY|TEST_\w+|WEB_\w+)")
# Programs whose flags are their own, at the beginning of a command.
FOREIGN = re.compile(
    r"\b(age|apt-get|cargo|curl|docker|ferry-bench|git|go|gzip|hadolint|journalctl|kubectl|kustomize|npm|npx|nsqadmin"
    r"|nsqd|nsq_to_file|openssl|pg_dump|pg_isready|pg_restore|promtool|psql|python3?|sqlite3|strip|systemctl|systemd-\w+|tar|vite"
    r"|web/e2e|tests/\S+|tools/\S+)\b"
)
# Not of operators; performance.md has the flags of ferry-bench.
SKIPPED = {"check", "checks", "secrets", "decisions", "pictures", "openapi.json", "asyncapi.json", "performance.md"}
ENDINGS = {".md", ".yaml", ".yml", ".conf", ".toml", ".env", ".json", ".service", ".socket", ".mount", ".timer", ""}


def help_of(*words):
    return run(FERRY, *words, "--help")


@functools.cache
def known():
    """Returns the help texts of all commands, each found in that of its parent."""
    texts, open_ = [], [()]
    with ThreadPoolExecutor(4) as pool:
        while open_:
            found = list(pool.map(lambda words: help_of(*words), open_))
            texts += found
            children = []
            for words, text in zip(open_, found, strict=True):
                part = re.search(r"(?ms)^Commands:\n(.*?)(?:\n\n|\Z)", text)
                names = re.findall(r"(?m)^  ([a-z][\w-]*)", part[1]) if part else []
                children += [(*words, name) for name in names if name != "help"]
            open_ = children
    return "\n".join(texts)


@functools.cache
def flags():
    return set(re.findall(r"--[a-z][\w-]*", known())) | {"--help", "--version"}


@functools.cache
def variables():
    return set(re.findall(r"\bFERRY_\w+", known()))


def files():
    for folder in ("docker", "deploy", "docs"):
        for path in sorted((ROOT / folder).rglob("*")):
            skipped = SKIPPED & {*path.relative_to(ROOT).parts}
            if path.is_file() and path.suffix in ENDINGS and not skipped:
                yield path


def variables_exist():
    unknown = []
    for path in files():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for name in re.findall(r"\bFERRY_[A-Z_0-9]+\b", line):
                is_known = name in variables() or OTHERS.fullmatch(name) or name.endswith("_")
                if not is_known:
                    unknown.append(f"{path.relative_to(ROOT)}:{number}: no variable {name}")
    demand(not unknown, "\n".join(unknown))


def settings_exist():
    """`ferry serve` has each variable that a deployment sets: clients have others."""
    serve = set(re.findall(r"\bFERRY_\w+", help_of("serve")))
    unknown = set()
    for path in files():
        if path.relative_to(ROOT).parts[0] != "docs":
            for name in re.findall(r"\bFERRY_[A-Z_0-9]+\b", path.read_text()):
                if name not in serve:
                    unknown.add(f"{path.relative_to(ROOT)}: `ferry serve` has no {name}")
    demand(not unknown, "\n".join(sorted(unknown)))


def flags_exist():
    """In pages: each `--flag` in backticks, and each command. Elsewhere: in each line that names Ferry's."""
    unknown = []
    for path in files():
        is_page, is_block = path.suffix == ".md", False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if is_page and line.strip().startswith("```"):
                is_block = not is_block
                continue
            parts = [line] if is_block or not is_page else re.findall(r"`([^`]+)`", line)
            for part in parts:
                is_ours = not FOREIGN.search(part) and (
                    is_page or line.lstrip().startswith("#") or re.search(r"\bferry [a-z]", part)
                )
                for flag in re.findall(r"(?<![\w-])--[a-z][\w-]*", part) if is_ours else []:
                    if flag not in flags():
                        unknown.append(f"{path.relative_to(ROOT)}:{number}: ferry has no {flag}")
    demand(not unknown, "\n".join(unknown))


def a_wrong_name_is_found():
    """The checks above can fail."""
    demand("--listen" in flags() and "--no-such" not in flags(), "the flags of ferry serve are not found")
    demand("FERRY_LISTEN" in variables() and "FERRY_LISTENS" not in variables(), "the variables are not found")


CHECKS = [variables_exist, settings_exist, flags_exist, a_wrong_name_is_found]
