"""The Kubernetes manifests: kustomize builds them, each is valid, and they agree with the images."""

import functools

import yaml

from . import images, tools
from .run import ROOT, WORK, Fault, demand, find, run

FOLDER = ROOT / "deploy/k8s"


@functools.cache
def built():
    kubectl = find("kubectl")
    return run(kubectl, "kustomize", FOLDER) if kubectl else run(tools.go("kustomize"), "build", FOLDER)


def objects(kind):
    return {one["metadata"]["name"]: one for one in yaml.safe_load_all(built()) if one["kind"] == kind}


def validate(text):
    file = WORK / "kubernetes.yaml"
    file.write_text(text)
    run(tools.python("kubernetes-validate"), "--strict", "--no-warn", file)


def each_object_is_valid():
    validate(built())


def a_misspelt_key_is_found():
    """The check above can fail."""
    try:
        validate(built().replace("readOnlyRootFilesystem:", "readOnlyRootFileSystem:"))
    except Fault:
        return
    demand(False, "kubernetes-validate does not find a misspelt key")


def an_update_refuses_nobody():
    relay = objects("Deployment")["ferry-relay"]["spec"]
    demand(relay["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, "an update takes relays away first")
    pod = relay["template"]["spec"]
    stop = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    env = {variable["name"]: variable.get("value") for variable in pod["containers"][0]["env"]}
    ends = stop + int(env["FERRY_DRAIN_TIMEOUT"])
    demand(pod["terminationGracePeriodSeconds"] > ends, "a relay is killed before it has drained")


def queues_are_in_memory():
    pod = objects("StatefulSet")["nsqd"]["spec"]["template"]["spec"]
    volume = next(volume for volume in pod["volumes"] if volume["name"] == "queues")
    demand(volume["emptyDir"]["medium"] == "Memory", "queues are on a disk")


def containers_are_confined():
    for workload in [*objects("Deployment").values(), *objects("StatefulSet").values()]:
        pod = workload["spec"]["template"]["spec"]
        demand(pod["securityContext"]["runAsUser"] == int(images.USER), "another user than in the image")
        for container in pod["containers"]:
            context = container["securityContext"]
            demand(context["readOnlyRootFilesystem"], f"{container['name']} may write to its root")
            demand(context["capabilities"] == {"drop": ["ALL"]}, f"{container['name']} has capabilities")
            demand(container["resources"]["limits"]["memory"], f"{container['name']} has no limit of memory")


def programs_and_names_are_right():
    """Commands are in the image, policies name ports that there are, and --nsqd names the nsqds."""
    nsqd = objects("StatefulSet")["nsqd"]["spec"]
    relay = objects("Deployment")["ferry-relay"]["spec"]["template"]["spec"]["containers"][0]
    for image, containers in (("ferry", [relay]), ("ferry-nsqd", nsqd["template"]["spec"]["containers"])):
        copied = {target for _, _, target in images.Image(images.FILES[image]).copied}
        for container in containers:
            for program in container.get("command", [])[:1]:
                demand(program in copied, f"{program} is not in the image {image}")
    env = {variable["name"]: variable.get("value") for variable in relay["env"]}
    names = [f"nsqd-{number}.nsqd.ferry.svc:4150" for number in range(nsqd["replicas"])]
    demand(env["FERRY_NSQD"].split(",") == names, f"FERRY_NSQD must be {','.join(names)}")
    ports = {
        port["name"]
        for container in (relay, *nsqd["template"]["spec"]["containers"])
        for port in container.get("ports", [])
    }
    for policy in objects("NetworkPolicy").values():
        for rule in policy["spec"].get("ingress", []):
            named = {port["port"] for port in rule["ports"]}
            demand(named <= ports, f"the policy {policy['metadata']['name']} names {named - ports}")


CHECKS = [
    each_object_is_valid,
    a_misspelt_key_is_found,
    an_update_refuses_nobody,
    queues_are_in_memory,
    containers_are_confined,
    programs_and_names_are_right,
]
