"""How numbers, times and sizes are written for people. Pure functions, English words, translatable.

Digits are grouped by a narrow space that does not break, minus is the real sign, units stand after a space.
Month and day names come from here and not from `strftime`, which follows the C locale that Qt switches on.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from PySide6.QtCore import QCoreApplication

from drover.domain.parameters import Json, ParameterChange, ParameterValue

THIN_SPACE = "\u202f"
"""Between groups of three digits: a thin space at which no line may break."""
MINUS = "\u2212"
ARROW = "\u2192"
ELLIPSIS = "\u2026"
_LONGEST_TIP_LINE = 160
_LONGEST_VALUE = 32


def _tr(text: str) -> str:
    return QCoreApplication.translate("formats", text)


def _day_name(weekday: int) -> str:
    names = (_tr("Mon"), _tr("Tue"), _tr("Wed"), _tr("Thu"), _tr("Fri"), _tr("Sat"), _tr("Sun"))
    return names[weekday]


def _month_name(month: int) -> str:
    first = (_tr("Jan"), _tr("Feb"), _tr("Mar"), _tr("Apr"), _tr("May"), _tr("Jun"))
    second = (_tr("Jul"), _tr("Aug"), _tr("Sep"), _tr("Oct"), _tr("Nov"), _tr("Dec"))
    return (*first, *second)[month - 1]


def whole(value: int) -> str:
    """A whole number with its thousands apart: "730", "131 000", "−4 096"."""
    sign = MINUS if value < 0 else ""
    return sign + f"{abs(value):,}".replace(",", THIN_SPACE)


def decimal(value: float, places: int | None = None) -> str:
    """A number with this many places, or as few as it needs if None: "0.20", "−1.5", "4 096"."""
    if not math.isfinite(value):
        return str(value)
    text = repr(abs(value)) if places is None else f"{abs(value):.{places}f}"
    if "e" in text:
        return text if value >= 0 else MINUS + text
    integer, _, fraction = text.partition(".")
    if places is None and fraction.strip("0") == "":
        fraction = ""
    is_zero = not (integer + fraction).strip("0")
    sign = MINUS if value < 0 and not is_zero else ""
    return sign + whole(int(integer)) + (f".{fraction}" if fraction else "")


def parameter_value(name: str, value: ParameterValue) -> str:
    """A parameter's value in one short line; texts are quoted with their line ends visible."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Json):
        return value.text
    if isinstance(value, tuple):
        return ", ".join(f"“{visible_breaks(text)}”" for text in value)
    if name == "seed" and isinstance(value, int):
        return str(value)  # a name rather than a quantity: people copy it
    return decimal(value)


def setting(name: str, value: ParameterValue) -> str:
    """A parameter with its value: "top_p 0.95"; only its name where the value is long, as a schema is."""
    words = parameter_value(name, value)
    return name if isinstance(value, tuple | Json) and len(words) > _LONGEST_VALUE else f"{name} {words}"


def change(difference: ParameterChange) -> str:
    """One difference between two requests: "+ seed 7", "− top_p", "temperature 0.7 → 0.2"."""
    name, before, after = difference.name, difference.before, difference.after
    if after is None:
        return f"{MINUS} {name}"
    value = parameter_value(name, after)
    if before is None:
        return f"+ {name}" if isinstance(after, tuple | Json) else f"+ {name} {value}"
    if isinstance(after, Json) and len(value) > _LONGEST_VALUE:
        return _tr("{0} changed").format(name)
    if isinstance(after, tuple | Json):
        return f"{name} {ARROW} {value}"
    return f"{name} {parameter_value(name, before)} {ARROW} {value}"


def visible_breaks(text: str) -> str:
    r"""The text in one line: line ends and tabs as `\n` and `\t`."""
    return text.replace("\r\n", "\n").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def tokens(count: int) -> str:
    """ "1 token", "1 024 tokens"."""
    return _tr("1 token") if count == 1 else _tr("{0} tokens").format(whole(count))


def rate(tokens_per_s: float) -> str:
    """ "42 tok/s"; one decimal below ten."""
    return _tr("{0} tok/s").format(decimal(tokens_per_s, 1 if tokens_per_s < 9.95 else 0))


def duration(seconds: float, *, tenths_below_s: float = 10.0) -> str:
    """ "23 ms", "0.4 s", "12 s", "1 min 5 s", "2 h 3 min". Tenths and less only below the given limit."""
    seconds = max(0.0, seconds)
    if 0 < seconds < min(tenths_below_s, 0.0995):
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < tenths_below_s:
        return f"{seconds:.1f} s"
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    minutes, rest = divmod(total, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def size(byte_count: int) -> str:
    """As in "340 KB" or "1.2 MB"."""
    if byte_count < 1_000_000:
        return _tr("{0} KB").format(whole(-(-byte_count // 1000)))
    return _tr("{0} MB").format(decimal(byte_count / 1e6, 1))


def usd(amount: float) -> str:
    """A sum with two significant digits below a cent: "$0.0002", "$1.40"."""
    if amount == 0 or abs(amount) >= 0.01:
        return _signed("$", amount, 2)
    places = min(10, 1 - math.floor(math.log10(abs(amount))))
    return _signed("$", amount, places, strip=True)


def usd_per_million(usd_per_token: float) -> str:
    """The price of a million tokens: "$0.05"."""
    return usd(round(usd_per_token * 1_000_000, 6))


def _signed(symbol: str, amount: float, places: int, *, strip: bool = False) -> str:
    text = decimal(abs(amount), places)
    if strip:
        text = text.rstrip("0").rstrip(".")
    return (MINUS if amount < 0 else "") + symbol + text


def clock(at: datetime) -> str:
    """The local time of day: "14:02"."""
    return f"{at.astimezone():%H:%M}"


def day(at: datetime, *, now: datetime) -> str:
    """The local day: "9 Nov", with the year where it is another one."""
    local = at.astimezone()
    text = f"{local.day} {_month_name(local.month)}"
    return text if local.year == now.astimezone().year else f"{text} {local.year}"


def list_time(at: datetime, *, now: datetime) -> str:
    """As short as a list can take: "14:02" today, "Mon" within six days, then "9 Nov", "9 Nov 2024"."""
    local, today = at.astimezone(), now.astimezone().date()
    age = today - local.date()
    if age == timedelta(0):
        return clock(at)
    if timedelta(0) < age < timedelta(days=7):
        return _day_name(local.weekday())
    return day(at, now=now)


def moment(at: datetime, *, now: datetime) -> str:
    """Day and time for a tip: "14:02" today, else "9 Nov, 14:02"."""
    if is_today(at, now=now):
        return clock(at)
    return f"{day(at, now=now)}, {clock(at)}"


def ago(at: datetime, *, now: datetime) -> str:
    """ "just now", "5 minutes ago", "2 hours ago", "3 days ago", then the day itself."""
    seconds = (now - at).total_seconds()
    if seconds < 60:
        return _tr("just now")
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if minutes < 60:
        return _tr("1 minute ago") if minutes == 1 else _tr("{0} minutes ago").format(minutes)
    if hours < 24:
        return _tr("1 hour ago") if hours == 1 else _tr("{0} hours ago").format(hours)
    if days < 7:
        return _tr("1 day ago") if days == 1 else _tr("{0} days ago").format(days)
    return _tr("on {0}").format(day(at, now=now))


def origin(source: str, at: datetime | None, *, now: datetime) -> str:
    """Where a fact is from and how old it is: "From Oxen.ai, 2 hours ago"."""
    return source if not source or at is None else f"{source}, {ago(at, now=now)}"


def tip(text: str) -> str:
    """A text from anywhere for a tool tip: shown as it stands, wrapped where a line is long.

    Qt reads a tip as HTML if it looks like that, and wraps nothing else.
    """
    if "<" not in text and max(map(len, text.split("\n"))) <= _LONGEST_TIP_LINE:
        return text
    import html

    return "<span>" + html.escape(text, quote=False).replace("\n", "<br>") + "</span>"


def is_today(at: datetime, *, now: datetime) -> bool:
    """Whether both are the same local day."""
    return at.astimezone().date() == now.astimezone().date()
