DROP TABLE leases;
DROP TABLE relays;
DROP INDEX closing_channels_by_next_try;
ALTER TABLE closing_channels DROP COLUMN nodes;
ALTER TABLE closing_channels DROP COLUMN tries;
ALTER TABLE closing_channels DROP COLUMN next_try_at;
ALTER TABLE devices DROP COLUMN http_epoch;
