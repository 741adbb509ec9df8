"""The state in the address: what is written is read back, what people mistype never breaks a page."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from dashboards.address import day_in, number_in, read_query, window_of, write_query


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1)))
def test_what_is_written_is_read_back(parameters):
    assert read_query(write_query(parameters)) == parameters


@given(st.floats(0.001, 1e6))
def test_a_number_survives_the_address(value):
    query = read_query(write_query({"rate": value}))
    assert number_in(query, "rate", 0, 1e7) == float(f"{value:.12g}")


@given(st.text())
def test_no_text_breaks_a_number(text):
    value = number_in({"gpus": text}, "gpus", 8, 1000)
    assert value is None or 8 <= value <= 1000


@given(st.text())
def test_no_text_breaks_a_day(text):
    assert day_in({"from": text}, "from") is None or len(day_in({"from": text}, "from")) == 10


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1)))
def test_a_window_of_one_day_is_24_hours(day):
    window = window_of(day.isoformat(), day.isoformat())
    assert (window["to_utc"] - window["from_utc"]).total_seconds() == 86_400
