#!/usr/bin/env python3
"""Reads the backups of testdata/backup/v1 with what docs/backup.md says, and nothing of Ferry.

If it needs to know more than that page has, the page is wrong.
"""

import collections
import hashlib
import hmac
import io
import json
import os
import pathlib
import pty
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid
import zlib

PASSPHRASE = "correct-horse-battery-staple"
KEY_FILES = {"key": "recovery.txt", "other-key": "other.txt"}
KNOWN = re.compile(
    r"(rooms|people|cells)\.jsonl|outcomes/\d{4}\.jsonl|notices/\d{4}-\d\d\.jsonl|messages/\d{4}-\d\d\.\d{4}\.jsonl"
)
OTHERS = {"manifest.json", "README.txt", "SHA256SUMS", "SHA256SUMS.mac"}
LATEST = 2**42 - 1


class Damaged(Exception):
    pass


class WrongKey(Exception):
    pass


class Newer(Exception):
    pass


def check(is_so, what):
    if not is_so:
        raise Damaged(what)


def decrypt(file, opens_with):
    """Returns what age finds in a file."""
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "out")
        if opens_with == "passphrase":
            status, words = ask(["age", "-d", "-o", out, str(file)])
        else:
            command = ["age", "-d", "-i", str(file.parent / KEY_FILES[opens_with]), "-o", out, str(file)]
            done = subprocess.run(command, capture_output=True, text=True)
            status, words = done.returncode, done.stderr
        if status != 0:
            raise WrongKey(words) if "no identity matched" in words else Damaged(words)
        return pathlib.Path(out).read_bytes()


def ask(command):
    """Runs a command that asks for the passphrase at a terminal. Returns its status and words."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    words, is_typed = "", False
    while True:
        try:
            some = os.read(terminal, 4096).decode()
        except OSError:
            some = ""
        if not some:
            break
        words += some
        if not is_typed and "passphrase" in words:
            os.write(terminal, (PASSPHRASE + "\n").encode())
            is_typed = True
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), words


def unpack(plain):
    """Returns the files of an archive, in their order."""
    inflating = zlib.decompressobj(31)
    try:
        archive = inflating.decompress(plain)
    except zlib.error as error:
        raise Damaged(str(error)) from error
    check(inflating.eof and not inflating.unused_data, "it is not one member of gzip")
    files, end = {}, 0
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        for member in tar:
            name = member.name
            check(member.isfile(), "it is no plain file")
            check(not name.startswith("/") and ".." not in name.split("/"), "its name leads elsewhere")
            check(name not in files, "its name comes twice")
            files[name] = archive[member.offset_data : member.offset_data + member.size]
            end = member.offset_data + -(-member.size // 512) * 512
    rest = archive[end:]
    check(len(rest) <= 64 << 10 and not rest.strip(b"\0"), "something is behind it")
    return files


def check_sums(files):
    listed = [line.split("  ", 1) for line in files["SHA256SUMS"].decode().splitlines()]
    names = [name for _, name in listed]
    before = [name for name in files if name not in ("SHA256SUMS", "SHA256SUMS.mac")]
    check(sorted(names) == sorted(before), "the sums are not those of the files")
    for digest, name in listed:
        check(hashlib.sha256(files[name]).hexdigest() == digest, "a sum differs")


def is_vouched(file, files, opens_with):
    if opens_with == "passphrase":
        return True
    if "SHA256SUMS.mac" not in files:
        return False
    secret = re.search(r"AGE-SECRET-KEY-1\w+", (file.parent / KEY_FILES[opens_with]).read_text())[0].encode()
    # HKDF of RFC 5869 with one block, and a salt of zeros.
    prk = hmac.digest(bytes(32), secret, "sha256")
    key = hmac.digest(prk, b"ferry-backup-mac-1\x01", "sha256")
    return files["SHA256SUMS.mac"].decode() == hmac.new(key, files["SHA256SUMS"], "sha256").hexdigest() + "\n"


def number(value):
    return (value % 2**64).to_bytes(8, "big")


def fields_as_written(line):
    """Returns the fields of an object, each as the bytes of the line."""
    text, at, fields = line.decode(), 1, {}
    decoder = json.JSONDecoder()
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        begin = at + 1
        _, at = decoder.raw_decode(text, begin)
        fields[name] = text[begin:at].encode()
        at += text[at] == ","
    return fields


def identify(name, line):
    """Returns the kind of a record, what its id is made of, and the time of its month."""
    record = json.loads(line)
    ids = lambda *values: b"".join(uuid.UUID(value).bytes for value in values)
    if name.startswith("messages/"):
        sender = record["from"]
        stamps = b"".join(number(record[field]) for field in ("sent_at", "epoch", "seq"))
        return "messages", b"m" + ids(sender["user"], sender["device"], record["id"]) + stamps, record["sent_at"]
    if name.startswith("notices/"):
        return "notices", b"n" + ids(record["id"]) + number(record["at"]), record["at"]
    if name.startswith("outcomes/"):
        if record["what"] != "expired":
            return "outcomes", None, record["at"]
        return "outcomes", b"x" + ids(record["message"], record["user"], record["device"]), record["at"]
    kind = {"cursor": 1, "room": 2, "person": 3}[record["kind"]]
    value = fields_as_written(line)["value"]
    return "cells", b"c" + number(kind) + ids(record["key"]) + number(record["stamp"]) + value, record["stamp"]


def read(file, opens_with):
    """Returns what is in a backup."""
    files = unpack(decrypt(file, opens_with))
    check(next(iter(files), None) == "manifest.json" and "SHA256SUMS" in files, "it is no backup")
    manifest = json.loads(files["manifest.json"])
    check(manifest["format"] == "ferry-backup", "it is no backup")
    if manifest["version"] > 1 or manifest["features"]:
        raise Newer()
    check_sums(files)
    counts, months, lines = collections.Counter(), {}, []
    for name, content in files.items():
        if not KNOWN.fullmatch(name):
            continue
        check(not content or content.endswith(b"\n"), "a line has no end")
        for line in content.split(b"\n")[:-1]:
            check(len(line) <= 1 << 20, "a line is too long")
            lines.append(line + b"\n")
            kind, what, at = identify(name, line)
            counts[kind] += 1
            if what is not None:
                month = time.strftime("%Y-%m", time.gmtime(min(max(at, 0), LATEST) // 1000))
                count, total = months.get(month, (0, 0))
                identity = int.from_bytes(hashlib.sha256(what).digest(), "little")
                months[month] = (count + 1, (total + identity) % 2**256)
    summed = {month: {"count": count, "sum": f"{total:064x}"} for month, (count, total) in sorted(months.items())}
    digest = hashlib.sha256("".join(f"{m} {s['count']} {s['sum']}\n" for m, s in summed.items()).encode()).hexdigest()
    kinds = ("messages", "notices", "outcomes", "cells")
    check({kind: counts[kind] for kind in kinds} == manifest["counts"], "the records are not those it counts")
    check(summed == manifest["months"] and digest == manifest["digest"], "the sums are not those of the records")
    return {
        "vouched": is_vouched(file, files, opens_with),
        "messages": counts["messages"],
        "digest": digest,
        "lines": hashlib.sha256(b"".join(sorted(lines))).hexdigest(),
        "skipped_files": [name for name in files if name not in OTHERS and not KNOWN.fullmatch(name)],
    }


def look_at(file, opens_with):
    try:
        return {"opens_with": opens_with, "outcome": "whole", "found": read(file, opens_with)}
    except WrongKey:
        return {"opens_with": opens_with, "outcome": "wrong-key"}
    except Newer:
        return {"opens_with": opens_with, "outcome": "newer"}
    except Damaged:
        return {"opens_with": opens_with, "outcome": "damaged"}


def main():
    directory = pathlib.Path(__file__).parents[2] / "testdata/backup/v1"
    backups = sorted(directory.glob("*.age"))
    wrong = 0
    for file in backups:
        expected = json.loads(file.with_suffix(".json").read_text())
        found = look_at(file, expected["opens_with"])
        if found != expected:
            wrong += 1
            print(f"{file.name}: expected {expected}, found {found}")
    if wrong or not backups:
        sys.exit(f"{wrong} of {len(backups)} backups do not read as docs/backup.md says")
    print(f"{len(backups)} backups read as docs/backup.md says")


if __name__ == "__main__":
    main()
