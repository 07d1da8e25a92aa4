"""What `meta` may hold: identity and schema facts only. A closed list of texts: hooks have no time for `enum`."""

from __future__ import annotations

from typing import Literal

MetaKey = Literal[
    "node",  # the public key of the node whose store it is
    "node_key",  # the public half of the key in use, once it was replaced
    "operator",  # the public key of the operator by whose settings the home was used last
    "author_seq",  # the number of this node's newest statement
    "operator_key",  # the operator's public key once it was protected: the anchor of what they sign
    "learning_rules",  # the rules by which what was recognised was last believed
    "signature_version",  # the reading rules that the stored skills were last read with
]
