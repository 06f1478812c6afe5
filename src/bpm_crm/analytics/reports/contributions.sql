-- What each case adds, in columns of as many bytes a row, as the database sends such values; texts are arrays. Money is text, so that it
-- loses no digits. -1 stands for no slot and no axis, and the end of time for what holds until the case changes.
SELECT
    string_agg(uuid_send(c.instance_id), '') AS cases,
    string_agg(timestamptz_send(c.at), '') AS instants,
    array_agg(c.segment[1]) AS owners,
    array_agg(c.segment[2]) AS teams,
    array_agg(c.segment[3]) AS versions,
    array_agg(c.number) AS numbers,
    string_agg(int8send(coalesce(c.amount, 0)), '') AS amounts,
    array_agg(c.money::text) AS moneys,
    string_agg(int4send(coalesce(c.slot, -1)), '') AS slots,
    string_agg(float8send(coalesce(c.seconds, 0)), '') AS seconds,
    string_agg(int4send(coalesce(c.axis, -1)), '') AS axes,
    string_agg(timestamptz_send(coalesce(c.valid_until, 'infinity')), '') AS until
FROM contributed AS c
