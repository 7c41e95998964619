"""Prometheus and Grafana: the configuration, the alerts and their tests, and each expression of a
dashboard. Whether the metrics exist, the module topology asks a cluster that runs."""

import json
import re
import tempfile
from pathlib import Path

import yaml

from . import tools
from .run import ROOT, Fault, demand, run

FOLDER = ROOT / "deploy/prometheus"
RULES = FOLDER / "ferry.rules.yml"
TESTS = FOLDER / "ferry.rules.test.yml"
DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))
# Names in an expression that Prometheus itself makes.
OWN = re.compile(r"up|ALERTS|ferry:[\w:]+")


def promtool(*words, stdin=None):
    return run(tools.debian("promtool"), *words, stdin=stdin)


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions():
    """Returns each expression of the dashboards, with the place where it is."""
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield f"{file.name}: {panel['title']}", target["expr"].replace("$__rate_interval", "1m")


def metrics_of(expression):
    """Returns the names of metrics in an expression: words that are no function, label or keyword."""
    text = re.sub(r'"[^"]*"', "", expression)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", text)
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", text)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", text)
    keywords = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring"}
    return {word for word in words if word not in keywords and not OWN.fullmatch(word)}


def metrics_in_use():
    """Returns each metric that a rule or a dashboard uses, with one place that does."""
    used = {}
    for rule in rules():
        for metric in metrics_of(rule["expr"]):
            used.setdefault(metric, rule.get("alert") or rule["record"])
    for place, expression in expressions():
        for metric in metrics_of(expression):
            used.setdefault(metric, place)
    return used


def configuration():
    """As it is in the container: its paths are those of a folder here."""
    with tempfile.TemporaryDirectory() as folder:
        text = (FOLDER / "prometheus.yml").read_text().replace("/run/secrets", folder)
        (Path(folder) / "prometheus.yml").write_text(text)
        (Path(folder) / "ferry.rules.yml").write_text(RULES.read_text())
        (Path(folder) / "prometheus-token").write_text("token")
        promtool("check", "config", Path(folder) / "prometheus.yml")


def rules_are_right():
    promtool("check", "rules", RULES)


def alerts_come_and_go():
    promtool("test", "rules", TESTS)


def each_alert_has_a_test():
    """One in which it fires, and one in which it does not."""
    tested = {True: set(), False: set()}
    for test in yaml.safe_load(TESTS.read_text())["tests"]:
        for case in test.get("alert_rule_test", []):
            tested[bool(case["exp_alerts"])].add(case["alertname"])
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    demand(tested[True] == alerts, f"alerts without a test, or tests without an alert: {tested[True] ^ alerts}")
    demand(tested[False] >= alerts, f"no test says when {alerts - tested[False]} does not fire")


def each_alert_says_what_to_do():
    headings = re.findall(r"(?m)^#+ (.+)$", (ROOT / "docs/operations.md").read_text())
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for rule in rules():
        if "alert" in rule:
            page, anchor = rule["annotations"]["runbook"].split("#")
            demand(page == "docs/operations.md" and anchor in anchors, f"{rule['alert']}: no {page}#{anchor}")
            demand(rule["labels"]["severity"] in ("page", "ticket"), f"{rule['alert']}: severity")


def the_page_names_every_alert():
    named = re.findall(r"(?m)^\| `([A-Z]\w+)` \|", (ROOT / "docs/deploy.md").read_text())
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    demand(set(named) == alerts, f"docs/deploy.md and ferry.rules.yml differ in {set(named) ^ alerts}")


def the_limit_of_a_node_is_the_size_of_its_tmpfs():
    limit = next(rule["expr"] for rule in rules() if rule.get("record") == "ferry:node_limit_bytes")
    demand(limit == f"vector({1 << 30})", f"ferry:node_limit_bytes is {limit}")
    for file, size in (
        ("docker/compose.yaml", "size=1g,"),
        ("deploy/systemd/run-nsqd.mount", "size=1g,"),
        ("deploy/k8s/nsqd.yaml", "sizeLimit: 1Gi"),
    ):
        demand(size in (ROOT / file).read_text(), f"{file} has not {size}, as ferry:node_limit_bytes says")


def dashboards_ask_what_prometheus_understands():
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    wrapped = []
    for number, (place, expression) in enumerate(expressions()):
        wrapped.append({"record": f"dashboard:{number}", "expr": expression})
        unknown = set(re.findall(r"ferry:[\w:]+", expression)) - recorded
        demand(not unknown, f"{place}: nothing records {unknown}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dashboards.yml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": wrapped}]}))
        promtool("check", "rules", file)


def dashboards_are_whole():
    """Grafana's own linter cannot be had, so this is a part of it: ids, places and sources."""
    sources = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yaml").read_text())
    uids = {source["uid"] for source in sources["datasources"]}
    seen = set()
    for file in DASHBOARDS:
        board = json.loads(file.read_text())
        demand(board["uid"] not in seen and board["title"], f"{file.name}: uid or title")
        seen.add(board["uid"])
        demand(
            len({panel["id"] for panel in board["panels"]}) == len(board["panels"]),
            f"{file.name}: an id is there twice",
        )
        taken = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            demand(
                not cells & taken and place["x"] + place["w"] <= 24,
                f"{file.name}: {panel['title']} covers another panel",
            )
            taken |= cells
            for target in panel.get("targets", []):
                demand(target["datasource"]["uid"] in uids, f"{file.name}: {panel['title']}: no such data source")
                demand(
                    panel["description"] and target["legendFormat"], f"{file.name}: {panel['title']} explains nothing"
                )


def a_wrong_expression_is_found():
    """The checks above can fail."""
    try:
        promtool(
            "check", "rules", "--lint=none", "/dev/stdin", stdin=RULES.read_text().replace("sum(rate(", "sum(rates(")
        )
    except Fault:
        found = metrics_of('sum by (le) (rate(ferry_a_bucket{code=~"x|y"}[5m])) / scalar(ferry:b) > time() - up')
        demand(found == {"ferry_a_bucket"}, f"metrics_of finds {found}")
        return
    demand(False, "promtool takes an unknown function")


CHECKS = [
    configuration,
    rules_are_right,
    alerts_come_and_go,
    each_alert_has_a_test,
    each_alert_says_what_to_do,
    the_page_names_every_alert,
    the_limit_of_a_node_is_the_size_of_its_tmpfs,
    dashboards_ask_what_prometheus_understands,
    dashboards_are_whole,
    a_wrong_expression_is_found,
]
