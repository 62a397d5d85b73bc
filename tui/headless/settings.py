"""The settings of a command: the file named by `--config` or the user's own, the environment, and its flags.

Called once by the headless commands and by the console's launcher, before they start anything else. Remarks go to
stderr; errors are raised and become exit code 2.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from engine.config.loading import Judge, Loaded, load
from engine.config.schema import Config
from tui.headless import diagnostics

FLAGS: Final = {"preset": "engine.preset"}
"""Arguments of commands that set a key of the configuration; their value is None if the user did not give one."""


def settings(args: argparse.Namespace) -> Config:
    """The configuration for these arguments. Raises ConfigError with every problem in it."""
    loaded = loaded_settings(args)
    for notice in loaded.notices:
        diagnostics.notice(notice)
    return loaded.config


def loaded_settings(args: argparse.Namespace, also: Judge | None = None) -> Loaded:
    """As `settings`, with the origin of every value; its notices are not printed yet. `also` as for `load`."""
    given = {key: getattr(args, name, None) for name, key in FLAGS.items()}
    flags = {key: value for key, value in given.items() if value is not None}
    return load(config_path(args), overrides=flags, also=also)


def config_path(args: argparse.Namespace) -> Path | None:
    """The file that the user named with `--config`, or None."""
    named: str | None = getattr(args, "config_file", None)
    return Path(named) if named is not None else None
