"""What the Tokens tab shows is read here, beside the window, and what it offers is carried out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject

from drover.domain.run import Run
from drover.engine.workbench import Workbench
from drover.errors import ConfigurationError
from drover.ui.drafting import Drafting
from drover.ui.token_page import TokensPage, TokenState

if TYPE_CHECKING:
    from drover.engine.inspected_tokens import InspectedTokens

ALTERNATIVES: Final = 5
"""How many are asked for at each place."""


class TokenInspecting(QObject):
    """Serves one TokensPage. What was read of the last reply is kept."""

    def __init__(
        self, page: TokensPage, workbench: Workbench, spawn: Callable[[Coroutine[Any, Any, Any]], None],
        ask: Callable[[Coroutine[Any, Any, Run]], None], drafting: Drafting, parent: QObject,
    ) -> None:  # fmt: skip
        """`ask` starts another answer in the shown conversation."""
        super().__init__(parent)
        self._page = page
        self._workbench = workbench
        self._spawn = spawn
        self._ask = ask
        self._drafting = drafting
        self._wanted: tuple[str, str] | None = None
        self._reading: tuple[str, str] | None = None
        self._read_last: tuple[str, str] | None = None
        self._found: InspectedTokens | None = None
        page.fork_requested.connect(self._fork)
        page.logprobs_requested.connect(self._ask_for_logprobs)

    def show(self, run_id: str | None, message_id: str = "") -> None:
        """Shows the tokens of a stored run as one of its messages reads them, read once; None for no run."""
        wanted = self._wanted = (run_id, message_id) if run_id is not None else None
        if wanted is None:
            self._page.display_tokens(TokenState.NOTHING)
        elif wanted == self._read_last:
            self._display()
        elif wanted != self._reading:
            self._reading = wanted
            self._page.display_tokens(TokenState.READING)
            self._spawn(self._read(wanted))

    def follow(self) -> None:
        """A run is in progress: there is nothing to be seen before its end."""
        self._wanted = None
        self._page.display_tokens(TokenState.LIVE)

    async def _read(self, wanted: tuple[str, str]) -> None:
        found: InspectedTokens | None = None
        try:
            found = await self._workbench.replies.token_choices(*wanted)
        except ConfigurationError:
            pass  # nothing was kept: the page says that there is nothing
        finally:
            if self._reading == wanted:
                self._reading = None
        if self._wanted == wanted:
            self._read_last, self._found = wanted, found
            self._display()

    def _display(self) -> None:
        parameters = self._drafting.draft.parameters
        is_asked_for = bool(parameters.logprobs or parameters.top_logprobs)
        state = TokenState.READ if self._found is not None else TokenState.MISSING
        self._page.display_tokens(state, self._found, is_asked_for=is_asked_for)

    def _fork(self, run_id: str, beginning: str) -> None:
        self._ask(self._workbench.fork(run_id, beginning))

    def _ask_for_logprobs(self) -> None:
        parameters = self._drafting.draft.parameters.replaced("logprobs", True)
        self._drafting.set_parameters(parameters.replaced("top_logprobs", ALTERNATIVES))
        if self._wanted is not None and self._wanted == self._read_last:
            self._display()
