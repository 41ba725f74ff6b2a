# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Filters that pass on only messages that differ from the last one passed on."""

from abc import ABC
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from message_filters.simple_filter import SimpleFilter

FieldGetter = Callable[[Any], Any]


class ComparisonHandler(ABC):  # noqa: B024 - the real one demands nothing either
    """Decides whether a message passes."""

    def message_fits(self, message: Any) -> bool:
        """Tell whether a message passes."""
        raise NotImplementedError

    def do_fields_fit(self, field_a: Any, field_b: Any) -> bool:
        """Tell whether a field, before and now, lets the message pass."""
        raise NotImplementedError


class CachedComparisonHandler(ComparisonHandler):
    """Lets a message pass if any of its fields fits with that of the last one that passed."""

    _field_getters: Sequence[FieldGetter] = ()

    def __init__(self) -> None:
        """Start with nothing passed: the first message always does."""
        self._message_cache: Any = None

    def message_fits(self, message: Any) -> bool:
        """Compare with the last message that passed, and remember this one if it passes."""
        fits = self._message_cache is None or any(
            self.do_fields_fit(get_field(self._message_cache), get_field(message))
            for get_field in self._field_getters)
        if fits:
            self._message_cache = message
        return fits


class DeltaCompare(CachedComparisonHandler):
    """Lets a message pass if any of its fields has another value than before."""

    def __init__(self, field_getters: Sequence[FieldGetter]) -> None:
        """Compare what these functions return: bool, int, float or str."""
        super().__init__()
        self._field_getters = field_getters

    def do_fields_fit(self, field_a: Any, field_b: Any) -> bool:
        """Tell whether two values differ.

        Raises:
            TypeError: a value is not a bool, int, float or str.
        """
        for value in (field_a, field_b):
            if not isinstance(value, bool | int | float | str):
                raise TypeError(f'got a {type(value).__name__} to compare; '
                                'take a field that is a bool, int, float or str')
        return bool(field_a != field_b)


class ComparisonFilter(SimpleFilter):
    """Passes on the messages that a comparison handler lets pass."""

    def __init__(
        self, comparison_handler: ComparisonHandler, message_filter: SimpleFilter | None = None,
    ) -> None:
        """Filter the output of `message_filter`; None: connect one later, or call `add`."""
        super().__init__()
        self._comparison_handler = comparison_handler
        self.incoming_connection: int | None = None
        if message_filter is not None:
            self.connectInput(message_filter)

    def add(self, message: Any) -> None:
        """Pass a message on, or not."""
        if self.message_fits(message):
            self.signalMessage(message)

    def message_fits(self, message: Any) -> bool:
        """Tell whether the handler lets a message pass."""
        return self._comparison_handler.message_fits(message)

    def connectInput(self, message_filter: SimpleFilter) -> None:  # noqa: N802
        """Take the messages of a filter.

        Raises:
            RuntimeError: an input is connected already.
        """
        if self.incoming_connection is not None:
            raise RuntimeError('this filter has an input already; make a new one')
        self.incoming_connection = message_filter.registerCallback(self.add)


class DeltaFilter(ComparisonFilter):
    """Passes on a message if any of its fields has changed since the last one passed on."""

    def __init__(
        self, field_getters: Sequence[FieldGetter], message_filter: SimpleFilter | None = None,
    ) -> None:
        """Compare what `field_getters` return for each message."""
        super().__init__(DeltaCompare(field_getters), message_filter)


class PathDeltaFilter(DeltaFilter):
    """A DeltaFilter that takes dotted names of fields, such as `header.frame_id`."""

    def __init__(
        self, field_path_list: Sequence[str], message_filter: SimpleFilter | None = None,
    ) -> None:
        """Compare the fields with these names."""
        super().__init__([partial(self.get_field_by_path, field_path=path)
                          for path in field_path_list], message_filter)

    def get_field_by_path(self, message: Any, field_path: str) -> Any:
        """Return a field of a message by its dotted name.

        Raises:
            RuntimeError: there is no such field.
        """
        value = message
        for name in field_path.split('.'):
            value = getattr(value, name, None)
            if value is None:
                raise RuntimeError(
                    f'{type(message).__name__} has no field {field_path!r} ({name!r} is missing)')
        return value
