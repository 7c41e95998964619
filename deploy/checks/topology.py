"""The cluster of the compose files runs: users talk through nginx, Prometheus sees every metric that the
alerts and dashboards ask for, and relays stop in order."""

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from . import compose, prometheus
from .cluster import Cluster
from .run import FERRY, ROOT, demand, run, wait_until

# Metrics that come only with what no demo does, and why.
NOT_SEEN = {
    "ferry_store_errors_total": "the label `kind` comes with the first error",
}


def ask(address, path, token=None):
    """Returns the body of a GET."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urlopen(Request(f"http://{address}{path}", headers=headers), timeout=10) as answer:
        return answer.read().decode()


def query(cluster, path, **words):
    address = cluster.address("prometheus", 9090)
    return json.loads(ask(address, f"/api/v1/{path}?{urlencode(words)}"))["data"]


def users_talk(cluster):
    """./demo runs through nginx."""
    front = cluster.address("nginx", 8080)
    run(
        ROOT / "demo",
        "--server",
        f"http://{front}",
        "--rounds",
        "1",
        "--pause",
        "0",
        env={**os.environ, "FERRY": str(FERRY)},
    )
    page = ask(front, "/")
    demand("<title>" in page, "nginx does not show the page of the relay")


def both_relays_served(cluster):
    """nginx spreads the requests."""
    for relay in relays(cluster):
        text = scrape(cluster, relay)
        answered = re.findall(r"(?m)^ferry_http_requests_total\{.*\} (\d+)", text)
        demand(sum(map(int, answered)) > 0, f"nginx sends nobody to {relay}")


def relays(cluster):
    return sorted(name for name in cluster.processes if name.startswith("relay-"))


def scrape(cluster, relay):
    """Returns what Prometheus gets of a relay, where the compose file says, with its token."""
    port = cluster.services[relay]["environment"]["FERRY_ADMIN_LISTEN"].rsplit(":", 1)[1]
    return ask(cluster.address(relay, port), "/metrics", (cluster.secrets / "prometheus-token").read_text())


def metrics_are_well_formed(cluster):
    prometheus.promtool("check", "metrics", stdin=scrape(cluster, relays(cluster)[0]))


def prometheus_sees_everything(cluster):
    """Every target is up, every rule works, and every metric in use exists."""

    def is_up():
        targets = query(cluster, "targets")["activeTargets"]
        down = [f"{target['scrapeUrl']}: {target['lastError']}" for target in targets if target["health"] != "up"]
        demand(targets and not down, down)
        return True

    wait_until("Prometheus reaches every target", is_up, seconds=20)
    missing = {}

    def is_there():
        names = set(query(cluster, "label/__name__/values"))
        missing.clear()
        missing.update(
            {name: place for name, place in prometheus.metrics_in_use().items() if name not in names | set(NOT_SEEN)}
        )
        demand(not missing, missing)
        return True

    # A relay that took over lists the nodes with its next look, at most 15 s later.
    wait_until("every metric of the alerts and dashboards is there", is_there, seconds=40)
    gone = {name for name in NOT_SEEN if name not in prometheus.metrics_in_use()}
    demand(not gone, f"checks/topology.py excuses metrics that nothing uses: {gone}")
    groups = query(cluster, "rules")["groups"]
    sick = [
        f"{rule['name']}: {rule.get('lastError')}"
        for group in groups
        for rule in group["rules"]
        if rule["health"] == "err"
    ]
    demand(groups and not sick, sick)

    def is_quiet():
        # Those that wait for their time to fire, too.
        alerts = sorted({alert["labels"]["alertname"] for alert in query(cluster, "alerts")["alerts"]})
        demand(not alerts, f"alerts in a cluster that is well: {', '.join(alerts)}")
        return True

    wait_until("no alert comes", is_quiet, seconds=20)


def a_relay_may_go(cluster):
    """While one relay stops and starts, users talk; it ends in order."""
    relay = relays(cluster)[0]
    status = cluster.stop(relay)
    demand(status == 0, f"{relay} ends with {status}:\n{cluster.log(relay)}")
    users_talk(cluster)
    cluster.start(relay)
    cluster.wait_until_healthy(relay)


def queues_outlive_their_nsqd(cluster):
    """What an nsqd saves when it stops is there when it starts again, and nsqadmin answers."""
    status = cluster.stop("nsqd-a")
    demand(status == 0, f"nsqd-a ends with {status}:\n{cluster.log('nsqd-a')}")
    volume = cluster.folder / "volumes/queues-a"
    demand(list(volume.glob("nsqd*.dat")), f"nsqd saved nothing in {volume}")
    cluster.start("nsqd-a")
    cluster.wait_until_healthy("nsqd-a")
    demand("nsqadmin" in ask(cluster.address("nsqadmin", 4171), "/"), "nsqadmin shows no page")


def no_body_is_logged(cluster):
    """A line of ./demo is in no log."""
    line = re.search(r'say "\$ada" "\$trip" "([^"]{20,})"', (ROOT / "demo").read_text())[1]
    for name in cluster.processes:
        demand(line not in (cluster.folder / f"{name}.log").read_text(), f"the log of {name} has a message")


def the_cluster_works():
    folder = Path(tempfile.mkdtemp(prefix="ferry-deploy."))
    folder.chmod(0o755)
    try:
        with Cluster(folder, *compose.FILES) as cluster:
            cluster.start_all()
            for part in (
                users_talk,
                both_relays_served,
                metrics_are_well_formed,
                a_relay_may_go,
                prometheus_sees_everything,
                queues_outlive_their_nsqd,
                no_body_is_logged,
            ):
                part(cluster)
                print(f"   {part.__name__.replace('_', ' ')}", flush=True)
            for name in ("nginx", *relays(cluster)):
                status = cluster.stop(name)
                demand(status == 0, f"{name} ends with {status}:\n{cluster.log(name)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


CHECKS = [the_cluster_works]
