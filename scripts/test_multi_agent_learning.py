"""The check of two agents under its old name: one is taught, the other heals, in throwaway folders."""

import argparse
import sys

import own_python  # type: ignore[import-not-found]  # noqa: F401
from meshcore.demo.checks import main
from meshcore.evidence.monitor.checks import MULTI_AGENT

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.exit(main([MULTI_AGENT]))
