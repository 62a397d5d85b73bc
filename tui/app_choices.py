"""Actions that change a setting kept between runs: the preset, the theme, alerts.

Mixed into `tui.app.PrismApp`, which dispatches actions to these methods.
"""

from __future__ import annotations

from engine.config.presets import PRESETS
from tui import presenters
from tui.console import ConsoleApp


class Choices(ConsoleApp):
    """See the module."""

    def do_preset(self, name: str) -> None:
        snapshot = self._snapshot
        if snapshot is not None and self.preset in snapshot.rankings and name in snapshot.rankings:
            rankings = snapshot.rankings
            self.tell(
                presenters.preset_change.preset_change(rankings[self.preset], rankings[name], snapshot.instruments)
            )
        self.remember(preset=name)
        self.source.set_preset(name)
        self.main.table.set_preset(name, keep_row=self.is_symbol_open)
        self.refresh_view()

    def do_preset_step(self, step: str) -> None:
        names = list(PRESETS)
        self.do_preset(names[(names.index(self.preset) + int(step)) % len(names)])

    def do_alerts(self) -> None:
        self.remember(alerts=not self._state.alerts)
        self._alerts.forget()
        if self._snapshot is not None:
            # Take the present state as the baseline: only later changes are news.
            self._alerts.look(self._snapshot, self.preset, self.now_s())
        section = self.config.console
        events = {
            "new candidates": section.alert_candidate,
            "large liquidations": section.alert_liquidation,
            "venues": section.alert_venue,
        }
        chosen = ", ".join(name for name, on in events.items() if on)
        if not self._state.alerts:
            self.tell("alerts off")
        elif chosen:
            waits = section.alert_candidate and self._snapshot is not None and self._alerts.waits(self._snapshot)
            if waits:
                chosen = chosen.replace("new candidates", "new candidates (once history has arrived)")
            self.tell(f"alerts on by {section.alert_by.replace('both', 'bell and desktop')}: {chosen}")
        else:
            self.tell("alerts on, but the configuration chooses no event", severity="warning")

    def do_theme(self) -> None:
        names = list(self.themes.themes)
        place = names.index(self.theme) if self.theme in names else -1
        self._set_theme(names[(place + 1) % len(names)])

    def _set_theme(self, name: str) -> None:
        self.theme = name
        self.remember(theme=name)
        self.tell(f"theme {name}")
