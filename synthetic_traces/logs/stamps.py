"""Times as logs print them, fast: a day's text and a second's text, put together."""

from __future__ import annotations

from datetime import datetime, timedelta

from synthetic_traces.spec.cluster import DAY, HOUR

_CLOCK = tuple(f"{s // HOUR:02d}:{s % HOUR // 60:02d}:{s % 60:02d}" for s in range(DAY))


class Stamps:
    """Seconds since the begin of the log, as text in UTC.

    Parameters
    ----------
    start_utc
        Begin of the log, a midnight.
    """

    def __init__(self, start_utc: datetime) -> None:
        self._start = start_utc.date()
        self._days: dict[int, str] = {}

    def day(self, number: int) -> str:
        """Return a day.

        Parameters
        ----------
        number
            Days since the begin of the log.

        Returns
        -------
        str
            ``YYYY-MM-DD``.
        """
        text = self._days.get(number)
        if text is None:
            text = self._days[number] = (self._start + timedelta(days=number)).isoformat()
        return text

    def second(self, seconds: int, between: str = "T") -> str:
        """Return a moment, without a zone.

        Parameters
        ----------
        seconds
            Since the begin of the log.
        between
            What stands between day and clock.

        Returns
        -------
        str
            ``YYYY-MM-DDTHH:MM:SS``.

        Examples
        --------
        >>> Stamps(datetime(2026, 1, 1)).second(90061), Stamps(datetime(2026, 1, 1)).second(-1)
        ('2026-01-02T01:01:01', '2025-12-31T23:59:59')
        """
        day, second = divmod(seconds, DAY)
        return f"{self.day(day)}{between}{_CLOCK[second]}"

    def micros(self, seconds: float) -> str:
        """Return a moment with microseconds and Z.

        Parameters
        ----------
        seconds
            Since the begin of the log.

        Returns
        -------
        str
            ``YYYY-MM-DDTHH:MM:SS.ffffffZ``.

        Examples
        --------
        >>> Stamps(datetime(2026, 1, 1)).micros(0.25)
        '2026-01-01T00:00:00.250000Z'
        """
        whole, micros = divmod(round(seconds * 1e6), 1_000_000)
        return f"{self.second(whole)}.{micros:06d}Z"
