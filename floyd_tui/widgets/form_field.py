"""A line of a form: a label, what is typed or chosen, and below it what is wrong with that."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from floyd_tui.widgets.format import plain


class FormField(Vertical):
    """`control` with its label; `wrong` shows or clears the sentence below it."""

    DEFAULT_CSS = """
    FormField {
        height: auto;
        & > Horizontal { height: auto; }
        & .field-label { width: 13; color: $dim; height: 1; }
        & .field-hint { width: auto; color: $dim; height: 1; margin-left: 1; }
        & .field-wrong { color: $bad; padding-left: 13; height: auto; display: none; }
        &.-wrong .field-wrong { display: block; }
        &.-wrong .field-label { color: $bad; }
        &.-typing .field-label { color: $accent; }
        & Input { width: 1fr; background: $surface; border: none; height: 1; padding: 0 1; }
        & Input:focus { background: $panel; background-tint: $panel 0%; }
        & Select { width: 1fr; }
        & SelectCurrent { background: $surface; padding: 0 1; }
        & Select:focus > SelectCurrent { background: $panel; background-tint: $panel 0%; }
    }
    """

    def __init__(self, label: str, control: Widget, hint: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._label, self._control, self._hint = label, control, hint

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(self._label, classes="field-label")
            yield self._control
            if self._hint:
                yield Static(self._hint, classes="field-hint")
        yield Static(classes="field-wrong", markup=False)

    def on_descendant_focus(self) -> None:
        self.add_class("-typing")

    def on_descendant_blur(self) -> None:
        self.remove_class("-typing")

    def wrong(self, sentence: str = "") -> None:
        """Show what is wrong here; nothing clears it."""
        self.set_class(bool(sentence), "-wrong")
        self.query_one(".field-wrong", Static).update(plain(sentence))
