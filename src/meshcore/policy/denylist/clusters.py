"""What programs of containers, clusters and clouds must not be asked to do."""

from __future__ import annotations

import re

from meshcore.knowledge.text import word_set
from meshcore.policy.command_parser import program
from meshcore.policy.denylist.refusal import Check, Refusal, destroys, has, injects, verbs_of
from meshcore.policy.plain_words import Argv


def _docker(argv: Argv) -> Refusal | None:
    name, verbs = program(argv[0]), verbs_of(argv)
    if has(argv, "-H", "--host", "--context", "--config") and verbs[:1] not in (["run"], ["create"]):
        return injects(name, "talks to another daemon")
    bad = word_set("exec cp rm rmi prune remove untag push login logout save export import load kill attach")
    bad |= {"swarm", "plugin", "secret", "trust", "leave", "down", "debug", "sbom", "update"}
    if found := bad & set(verbs[:3]):
        return destroys(name, f"{sorted(found)[0]} removes, enters or hands out what others use")
    if verbs[:1] in (["run"], ["create"]) or "run" in verbs[:2]:
        risky = word_set(
            "--volume --mount --pid --ipc --uts --userns --net --network --cap-add --device --security-opt"
        )
        if has(argv, *risky, "--entrypoint", "--volumes-from", "--env-file", "--cgroupns") or any(
            re.match(r"-\w*v$|-v\S", w) for w in argv
        ):
            return Refusal("privilege", f"{name} opens the host to a container")
    return None


_INFRA_LOSES = re.compile(
    r"^(?:delete|del|remove|rm|rb|rmi|destroy|purge|prune|terminate|deregister|uninstall|clear|reset|wipe|drop|flush|disable|detach|revoke"
    r"|authorize|put|modify|create|attach|update|mv|cp|sync|mb|exec|ssh|scp|proxy|port-forward|run|run-command|run-instances|invoke|assume-role"
    r"|generate-token|update-password|get-credentials|get-access-token|print-access-token|get-login-password|get-secret-value|get-password-data"
    r"|get-session-token|get-federation-token|get-parameters?|batch-get-secret-value|list-keys|show-connection-string|set-policy|add-iam-policy-binding"
    r"|set-iam-policy|delete-resource|reset-password|rotate|presign|send-command|start-session|edit|drain|debug|force-unlock|failover|cordon"
    r"|disassociate|deauthorize|unset|import|export|restore|copy|move|cancel|stop-instances|regenerate-key|replace)(?:-|$)"
)


def _cloud(argv: Argv) -> Refusal | None:
    name, verbs = program(argv[0]), verbs_of(argv)
    if name == "aws" and verbs[:1] == ["configure"]:
        return Refusal("secrets", "aws configure hands out or changes access")
    if (verbs[:2] == ["role", "assignment"] and "create" in verbs) or verbs[:2] == ["ad", "sp"]:
        return Refusal("privilege", f"{name} gives access")
    if name == "az":
        if (
            "keyvault" in verbs[:2]
            or verbs[:2] == ["extension", "add"]
            or "rest" in verbs[:1]
            or {"keys", "credential", "credentials"} & set(verbs)
        ):
            return Refusal("secrets", "az hands out or changes secrets, or installs code")
        verbs = [v for v in verbs[:5] if v not in {"create", "update", "copy", "export", "restore", "disable", "move"}]
    if has(argv, "--endpoint-url", "--cli-input-json", "--profile", "--impersonate-service-account") or any(
        "file://" in w for w in argv
    ):
        return injects(name, "talks to another place, or sends a file")
    bad = next((v for v in verbs[:5] if _INFRA_LOSES.match(v)), "")
    return destroys(name, f"{bad} changes, enters or hands out what others rely on") if bad else None


def _kubectl(argv: Argv) -> Refusal | None:
    verbs = verbs_of(argv)
    verb = verbs[0] if verbs else ""
    if has(
        argv, "--kubeconfig", "--token", "--server", "--as-uid", "--password", "--certificate-authority", "--client-key"
    ):
        return injects("kubectl", "talks to another cluster, or as somebody else")
    bad = word_set(
        "run exec proxy cp delete create edit attach port-forward debug drain certificate replace plugin token"
    )
    if verb in bad or (
        verb == "config" and verbs[1:2] not in (["get-contexts"], ["current-context"], ["get-clusters"])
    ):
        return destroys("kubectl", f"{verb} changes, enters or hands out what others rely on")
    if has(argv, "--force", "--raw", "--prune", "--overwrite") or (
        verb in {"apply", "patch"} and any("://" in w for w in argv)
    ):
        return destroys("kubectl", f"{verb} forces a change, or takes it from an address")
    if verb == "get" and {"secret", "secrets"} & set(verbs[1:2]) and has(argv, "-o", "--output", "--template"):
        return Refusal("secrets", "kubectl prints secrets")
    return None


def _helm(argv: Argv) -> Refusal | None:
    verbs = verbs_of(argv)
    bad = {"delete", "uninstall", "del", "un", "remove", "rm", "plugin", "push", "registry"} & set(verbs[:2])
    if (
        bad
        or has(argv, "--force", "--post-renderer", "--kubeconfig", "--kube-token", "--insecure-skip-tls-verify")
        or verbs[:2] == ["get", "values"]
    ):
        return destroys("helm", "removes or forces what runs, or runs other code")
    return None


def _argocd(argv: Argv) -> Refusal | None:
    verbs = set(verbs_of(argv)[:3])
    bad = (
        word_set(
            "delete delete-resource rm remove uninstall generate-token update-password create-token exec bcrypt "
            "delete-token"
        )
        & verbs
    )
    if (
        bad
        or has(argv, "--auth-token", "--insecure", "--force", "--prune", "--grpc-web-root-path")
        or verbs_of(argv)[:2] == ["cluster", "add"]
    ):
        return destroys("argocd", "removes or forces what runs, or hands out access")
    return None


def _terraform(argv: Argv) -> Refusal | None:
    name, verbs = program(argv[0]), verbs_of(argv)
    if {"destroy", "force-unlock", "taint", "untaint", "import", "console", "login", "state", "rm", "push"} & set(
        verbs[:2]
    ) or any("auto-approve" in w for w in argv):
        return destroys(name, "changes infrastructure without asking")
    return (
        destroys(name, "destroys infrastructure") if has(argv, "-destroy", "--destroy") or "-destroy" in argv else None
    )


_CLOUDS: dict[str, Check] = dict.fromkeys(
    word_set("aws az gcloud oci doctl ibmcloud linode-cli hcloud eksctl flyctl heroku vercel wrangler"),
    _cloud,
)
INFRASTRUCTURE: dict[str, Check] = {
    **_CLOUDS,
    **dict.fromkeys(("docker", "podman", "nerdctl", "docker-compose", "crictl", "ctr", "lxc"), _docker),
    **dict.fromkeys(("kubectl", "oc", "k9s"), _kubectl),
    **dict.fromkeys(("argocd", "flux"), _argocd),
    **dict.fromkeys(("terraform", "tofu", "terragrunt", "pulumi"), _terraform),
    **dict.fromkeys(("zfs", "btrfs", "lvm", "virsh"), _cloud),
    "helm": _helm,
}
