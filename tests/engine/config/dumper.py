"""Writes YAML as our reader takes it, for the tests that write something out and read it back."""

from __future__ import annotations

import re

import yaml


class Dumper(yaml.SafeDumper):
    """PyYAML's own, without anchors, and with quotes around text that YAML 1.2 takes for a number."""

    def ignore_aliases(self, data: object) -> bool:
        return True


# YAML 1.1 takes `1e5` for text, and so PyYAML writes that text without quotes; here, as in YAML 1.2, it is a number.
Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)
