"""The settings a command runs with: the file named by `--config` or the user's own, the environment, and its flags.

Called by the headless commands and by the launcher of the console, once, before anything else is started. What is
worth knowing but not wrong is told on stderr; what is wrong is raised and becomes exit code 2.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from engine.config.loading import Loaded, load
from engine.config.schema import Config
from tui.headless import diagnostics

FLAGS: Final = {"preset": "engine.preset"}
"""Arguments of commands that stand for a key of the configuration; None where the user did not give one."""


def settings(args: argparse.Namespace) -> Config:
    """The configuration for these arguments. Raises ConfigError with every problem in it."""
    loaded = loaded_settings(args)
    for notice in loaded.notices:
        diagnostics.notice(notice)
    return loaded.config


def loaded_settings(args: argparse.Namespace) -> Loaded:
    """The same with the origin of every value, and its notices not yet told."""
    given = {key: getattr(args, name, None) for name, key in FLAGS.items()}
    return load(config_path(args), overrides={key: value for key, value in given.items() if value is not None})


def config_path(args: argparse.Namespace) -> Path | None:
    """The file that the user named with `--config`, or None."""
    named: str | None = getattr(args, "config_file", None)
    return Path(named) if named is not None else None
