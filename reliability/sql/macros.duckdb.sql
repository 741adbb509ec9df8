-- Spark's names on DuckDB, so that one text of every mart runs on both engines.
CREATE OR REPLACE MACRO unix_micros(moment) AS epoch_us(moment);
CREATE OR REPLACE MACRO timestamp_micros(micros) AS make_timestamptz(CAST(micros AS BIGINT));
CREATE OR REPLACE MACRO date_from_unix_date(days) AS DATE '1970-01-01' + CAST(days AS INTEGER);
CREATE OR REPLACE MACRO explode(items) AS unnest(items);
CREATE OR REPLACE MACRO sequence(first_value, last_value) AS generate_series(first_value, last_value);
CREATE OR REPLACE MACRO to_utc_timestamp(moment, zone) AS CAST(moment AS TIMESTAMP) AT TIME ZONE zone;
CREATE OR REPLACE MACRO size(items) AS len(items);
