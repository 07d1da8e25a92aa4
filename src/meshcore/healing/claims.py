"""Which claims to try a skill first count: those that own nodes have signed, each for its host, and not for ever."""

from __future__ import annotations

from meshcore.bridge.base import Claim
from meshcore.bridge.limits import CLAIM_SECONDS
from meshcore.bridge.states import signed_claim
from meshcore.clock import from_text
from meshcore.node import Node
from meshcore.trust.authors import trust_in
from meshcore.trust.hosts import Hosts

FAILED_CLAIM_SECONDS = 24 * 3600.0  # a failure is told as an outcome too, and that is what lasts


class ClaimCheck:
    """The claims for one skill as they stand to one node. `verified` are the hosts that have verified the skill."""

    def __init__(self, node: Node, verified: frozenset[str], hosts: Hosts) -> None:
        self._node = node
        self._hosts = hosts
        self._verified = verified
        self._now = node.clock.now()

    def counts(self, claim: Claim) -> bool:
        """Tell whether a claim takes a place; whoever can write the bridge can only take claims away."""
        # What costs nothing comes first: of each own node one claim at most is looked at closely.
        if claim.host in self._verified or self._host_of(claim.record.key) != claim.host:
            return False
        signed = signed_claim(claim)
        if signed is None:
            return False
        try:
            age = (self._now - from_text(signed.created)).total_seconds()
        except (ValueError, OverflowError):
            return False
        return abs(age) <= (FAILED_CLAIM_SECONDS if claim.failed else CLAIM_SECONDS)

    def _host_of(self, key: str) -> str | None:
        """Return the host that a key speaks for, None for one that is no own node's."""
        node, host = self._node, self._hosts.of(key)
        is_own = host is not None and (key == node.identity.node.public or trust_in(node, key).state == "own")
        return host.host_id if host is not None and is_own else None


def own_host(node: Node) -> str:
    """Return what claims of this node name its host by."""
    return node.machine or node.settings.host
