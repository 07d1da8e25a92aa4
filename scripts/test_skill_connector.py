"""The check of one agent under its old name: a round trip in a throwaway folder."""

import argparse
import sys

import own_python  # type: ignore[import-not-found]  # noqa: F401
from meshcore.demo.checks import main
from meshcore.evidence.monitor.checks import CONNECTOR

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.exit(main([CONNECTOR]))
