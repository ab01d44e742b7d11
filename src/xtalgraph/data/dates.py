"""Dates of a column as moments: one order of day and month for the whole column, or an error."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from jaxtyping import Float

from xtalgraph.data.split_column import SplitColumn

_ISO: Final = "write all as 2024-03-31, or 2024-03-31T14:30:00+01:00, or all as numbers of one kind"
_TIME: Final = (
    r"(?:(?:\s*T\s*|\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})"
    r"(?:[.,](?P<part>\d{1,9}))?)?(?:\s*(?P<half>[AaPp][Mm]))?)?"
    r"(?:\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
)
_MONTHS: Final = "janfebmaraprmayjunjulaugsepoctnovdec"
_MONTH: Final = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY: Final = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?"
_FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})" + _TIME,
        r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second_of>\d{1,2})(?P=mark)(?P<year>\d{4})" + _TIME,
        _WEEKDAY + r"(?P<day>\d{1,2})[\s-]" + _MONTH + r",?[\s-](?P<year>\d{4})" + _TIME,
        _WEEKDAY + _MONTH + r"\s(?P<day>\d{1,2}),?\s(?P<year>\d{4})" + _TIME,
    )
)
_MONTH_ALONE: Final = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})")
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, eq=False)
class Moments:
    """When each row was, as numbers that can be sorted."""

    values: Float[np.ndarray, " rows"]
    """Seconds since 1970 in UTC; or months, or the numbers that stand in the column."""
    order: str
    """How the column was read where that is not plain: ``day/month/year``; else empty."""


def moments_of(column: SplitColumn) -> Moments:
    """Read a column of dates, or of numbers such as years.

    A date whose day and month can be told apart in two ways, 12/04/2020, is read in the order that
    the other rows have; where no row tells the order, it is refused.

    Args:
        column: Dates as text or as objects, or numbers.

    Raises:
        InputError: If a row has no date, or one that cannot be read, or the rows are written in
            ways that cannot be compared; the message names rows and says how to write them.

    >>> moments_of(SplitColumn.of("added", ["31/03/2020", "12/04/2020"])).order
    'day/month/year'
    """
    column.check_filled("a date")
    numbers = [_number(value) for value in column.values]
    plain = [i for i, number in enumerate(numbers) if number is not None]
    if len(plain) == len(numbers):
        return Moments(_of_numbers(column, np.array(numbers, dtype=np.float64)), "")
    if plain:
        raise column.refuse(plain, f"a number stands among dates; {_ISO}")
    months = [_MONTH_ALONE.fullmatch(_text(value)) for value in column.values]
    if all(months):
        moments = [int(month["year"]) * 12 + int(month["month"]) for month in months if month]
        bad = [i for i, month in enumerate(months) if month and not 1 <= int(month["month"]) <= 12]
        if bad:
            raise column.refuse(bad, f"there is no such month; {_ISO}")
        return Moments(np.array(moments, dtype=np.float64), "")
    return _of_dates(column)


def _of_numbers(
    column: SplitColumn, numbers: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    bad = np.flatnonzero(~np.isfinite(numbers)).tolist()
    if bad:
        raise column.refuse(bad, f"is not finite; {_ISO}")
    whole = [int(number) for number in numbers if number == int(number)]
    compact = [number for number in whole if 1_000_000 <= number < 100_000_000]
    if compact and len(compact) < len(numbers) and any(1000 <= n < 3000 for n in whole):
        mixed = [i for i, n in enumerate(numbers) if 1000 <= n < 3000]
        raise column.refuse(mixed, f"a year stands among dates written as 20240331; {_ISO}")
    if len(compact) == len(numbers) and not all(
        _is_day(n // 10000, n // 100 % 100, n % 100) for n in compact
    ):
        for first, second in ((1_000_000, 10_000), (10_000, 1_000_000)):
            if all(_is_day(n % 10000, n // second % 100, n // first % 100) for n in compact):
                raise column.refuse(
                    [0], f"looks like a date written as 31032024, which cannot be sorted; {_ISO}"
                )
    return numbers


def _of_dates(column: SplitColumn) -> Moments:
    matched = [_match(value) for value in column.values]
    bad = [i for i, match in enumerate(matched) if match is None]
    if bad:
        raise column.refuse(bad, f"is no date that can be read in one way alone; {_ISO}")
    parts = [match for match in matched if match is not None]
    day_first = _order(column, parts)
    read: list[dt.datetime] = []
    for index, match in enumerate(parts):
        moment = match if isinstance(match, dt.datetime) else _moment(match, day_first)
        if moment is None:
            raise column.refuse([index], f"there is no such day or hour; {_ISO}")
        read.append(moment)
    with_zone = [i for i, moment in enumerate(read) if moment.tzinfo is not None]
    if with_zone and len(with_zone) < len(read):
        without = [i for i, moment in enumerate(read) if moment.tzinfo is None]
        raise column.refuse(
            without, f"has no time zone, which {column.places[with_zone[0]]} has; {_ISO}"
        )
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    seconds = [
        ((match if match.tzinfo else match.replace(tzinfo=dt.UTC)) - epoch).total_seconds()
        for match in read
    ]
    turned = any(not isinstance(match, dt.datetime) and "first" in match for match in parts)
    order = "day/month/year" if day_first else "month/day/year"
    return Moments(np.array(seconds, dtype=np.float64), order if turned else "")


def _order(column: SplitColumn, parts: Iterable[dt.datetime | dict[str, str]]) -> bool:
    """Return whether the day comes before the month, by the rows where one of them is above 12."""
    pairs = {
        index: (int(part["first"]), int(part["second_of"]))
        for index, part in enumerate(parts)
        if not isinstance(part, dt.datetime) and "first" in part
    }
    days = [index for index, (first, _) in pairs.items() if first > 12]
    months = [index for index, (_, second) in pairs.items() if second > 12]
    if days and months:
        raise column.refuse(
            [days[0], months[0]], f"one has the day first, the other the month; {_ISO}"
        )
    open_ones = [index for index, (first, second) in pairs.items() if first != second]
    if open_ones and not days and not months:
        raise column.refuse(
            open_ones, f"can be read as day/month/year and as month/day/year; {_ISO}"
        )
    return bool(days)


def _match(value: object) -> dt.datetime | dict[str, str] | None:
    """Return the parts of a date in words, or the date that it is; None where it is none."""
    if isinstance(value, np.datetime64 | dt.date):  # every other type of them is a date
        return pd.Timestamp(value).to_pydatetime(warn=False)
    for form in _FORMS:
        match = form.fullmatch(_text(value))
        if match:
            return {name: part for name, part in match.groupdict().items() if part is not None}
    return None


def _moment(parts: dict[str, str], day_first: bool) -> dt.datetime | None:
    """Return the moment of a date in parts; None where there is no such day or hour."""
    if "first" in parts:
        first, second = int(parts["first"]), int(parts["second_of"])
        day, month = (first, second) if day_first else (second, first)
    else:
        day = int(parts["day"])
        name = parts.get("name")
        month = _MONTHS.index(name[:3].lower()) // 3 + 1 if name else int(parts["month"])
    hour = int(parts.get("hour", 0))
    if "half" in parts:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if parts["half"].lower() == "pm" else 0)
    micro = int(parts.get("part", "0").ljust(9, "0")[:6])
    minute, second_of_minute = int(parts.get("minute", 0)), int(parts.get("second", 0))
    try:
        zone = _zone(parts.get("zone"))
        year = int(parts["year"])
        return dt.datetime(year, month, day, hour, minute, second_of_minute, micro, zone)
    except ValueError:
        return None


def _zone(written: str | None) -> dt.tzinfo | None:
    if written is None:
        return None
    if written[0] not in "+-":
        return dt.UTC
    digits = written[1:].replace(":", "")
    offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return dt.timezone(offset if written[0] == "+" else -offset)


def _is_day(year: int, month: int, day: int) -> bool:
    return 1800 <= year < 2200 and 1 <= month <= 12 and 1 <= day <= 31


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | float | np.number):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    text = _text(value)
    return float(text) if _NUMBER.fullmatch(text) else None
