"""The configuration of nginx, for a machine and for compose: nginx takes it, and no body comes to a disk."""

import re
import tempfile
from pathlib import Path

from . import tools
from .run import ROOT, Fault, demand, free_port, run

DEPLOY = ROOT / "deploy/nginx"


def certificate(folder):
    """Makes a certificate that nobody trusts, and returns its two files."""
    key, pem = folder / "key.pem", folder / "cert.pem"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-subj", "/CN=relay.example", "-days", "1", "-keyout", key, "-out", pem)  # fmt: skip
    return pem, key


def try_config(text, folder):
    """Lets nginx read a whole configuration."""
    file = folder / "nginx.conf"
    file.write_text(text)
    run(tools.debian("nginx"), "-t", "-e", "/dev/stderr", "-c", file)


def on_a_machine(folder):
    """Returns a main configuration that includes ferry.conf, as /etc/nginx/nginx.conf does."""
    pem, key = certificate(folder)
    text = (DEPLOY / "ferry.conf").read_text().replace("/etc/nginx/ferry/", f"{DEPLOY}/")
    text = text.replace("/etc/ssl/relay.example.pem", str(pem)).replace("/etc/ssl/relay.example.key", str(key))
    # nginx binds even with -t, and a machine need not have IPv6.
    text = re.sub(r"listen (\[::\]:)?\d+", lambda _: f"listen 127.0.0.1:{free_port()}", text)
    places = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
    )
    main = f"pid {folder}/nginx.pid; worker_shutdown_timeout 30s; events {{ worker_connections 1024; }}"
    return f"{main} http {{ {places} {text} }}"


def nginx_takes_it():
    with tempfile.TemporaryDirectory() as folder:
        try_config(on_a_machine(Path(folder)), Path(folder))


def a_wrong_word_is_found():
    """The check above can fail."""
    with tempfile.TemporaryDirectory() as folder:
        text = on_a_machine(Path(folder)).replace("least_conn;", "least_con;")
        try:
            try_config(text, Path(folder))
        except Fault as fault:
            demand("least_con" in str(fault), fault)
            return
        demand(False, "nginx takes a wrong word")


def no_body_comes_to_a_disk():
    """nginx buffers what fits into memory, and rejects the rest."""
    text = (DEPLOY / "ferry-server.conf").read_text()
    largest, buffer = (
        re.search(rf"(?m)^{name}\s+(\d+)k;", text) for name in ("client_max_body_size", "client_body_buffer_size")
    )
    demand(largest and buffer and int(buffer[1]) >= int(largest[1]), "a body that nginx takes may go to a file")
    # The largest --frame.
    demand(int(largest[1]) * 1024 >= 122_880, "nginx rejects what --frame allows")
    for line in ("proxy_max_temp_file_size 0;", "access_log off;"):
        demand(line in text, f"ferry-server.conf: {line} is missing")


CHECKS = [nginx_takes_it, a_wrong_word_is_found, no_body_comes_to_a_disk]
