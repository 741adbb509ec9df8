-- one row: from the first to the last moment that any log covers.
SELECT timestamp_micros(min(from_micros)) AS from_utc, timestamp_micros(max(to_micros)) AS to_utc FROM observation
