"""What a request gives beside its files, wherever it stands: the parameters, what the client says of the job for
itself, and where to call back.
"""

from collections.abc import Mapping
from typing import Any

from api.callbacks.wish import callback_of
from api.intake.forms.parts import CALLBACK
from shared.contract.description import NOTHING, Description, describe, split
from shared.contract.errors import FieldError, InvalidParams, InvalidRequest
from shared.contract.params import AnyParams, parse_params
from shared.jobs.model import Callback
from shared.runtime.settings import Settings


class Given:
    """Takes it from one place after the other, and checks it as soon as it is known."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._params: AnyParams | None = None
        self._described: dict[str, Any] = {}
        self._callback: dict[str, Any] = {}
        self.description: Description = NOTHING

    def take(self, values: Mapping[str, Any], place: str) -> None:
        """Raises what is wrong with them. `place`: for people, where they stand."""
        callback = {name: value for name, value in values.items() if name in CALLBACK}
        described, params = split({name: value for name, value in values.items() if name not in CALLBACK})
        self._take_callback(callback)
        if (described and self._described) or (params and self._params is not None):
            raise InvalidRequest(f"The parameters are both in {place} and in the query: leave one out.")
        if described:
            self._described, self.description = described, describe(described)
        if params:
            self._params = parse_params(params)

    def _take_callback(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name in self._callback:
                raise InvalidParams([FieldError(field=name, value=value, message="is given twice")])
        self._callback |= values
        if "callback_url" in values:
            callback_of(self._callback, self._settings)  # before any more of the body is read

    @property
    def params(self) -> AnyParams:
        return self._params or parse_params({})

    @property
    def callback(self) -> Callback | None:
        """Raises InvalidParams or CallbacksDisabled."""
        return callback_of(self._callback, self._settings)
