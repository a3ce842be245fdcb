-- SPDX-License-Identifier: GPL-2.0-or-later
-- The times of rows are seconds of a clock of the file: CLOCK_BOOTTIME and base_s, which another boot
-- or machine has another one of, so that rows stay true as they are. boot_ms is that clock, too.

ALTER TABLE meta ADD COLUMN base_s INTEGER NOT NULL DEFAULT 0;

-- Bindings that have ended lie in runs of some ten thousand, in the order of their ends, and in a run
-- by address and port: what is written together lies together, is found by a look into each run,
-- and goes run by run. Their times are seconds of CLOCK_REALTIME: they are asked for by people.

CREATE TABLE closed_run (
	run INTEGER PRIMARY KEY,
	n INTEGER NOT NULL,
	created INTEGER NOT NULL,     -- of the first one
	first_ended INTEGER NOT NULL,
	ended INTEGER NOT NULL        -- of the last one
) STRICT;

CREATE TABLE closed_row (
	run INTEGER NOT NULL,
	mapped INTEGER NOT NULL,  -- IPv4 address times 65536, plus the port
	ended INTEGER NOT NULL,
	lasted INTEGER NOT NULL,
	side INTEGER NOT NULL,    -- port6 times 4, plus the protocol (0 tcp, 1 udp, 2 icmp)
	address6 BLOB NOT NULL,
	PRIMARY KEY (run, mapped, ended, lasted, side, address6)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO closed_row
	SELECT 1, address4 << 16 | port4, ended, max(ended - created, 0), port6 << 2 | protocol, address6
	FROM closed_binding;
INSERT INTO closed_run SELECT 1, count(*), min(ended - lasted), min(ended), max(ended)
	FROM closed_row HAVING count(*) > 0;
DROP TABLE closed_binding;

-- For people: sqlite3 -readonly state.db 'SELECT * FROM closed'
CREATE VIEW closed AS SELECT
	CASE side & 3 WHEN 0 THEN 'tcp' WHEN 1 THEN 'udp' ELSE 'icmp' END AS protocol,
	lower(substr(hex(address6), 1, 4) || ':' || substr(hex(address6), 5, 4) || ':' ||
		substr(hex(address6), 9, 4) || ':' || substr(hex(address6), 13, 4) || ':' ||
		substr(hex(address6), 17, 4) || ':' || substr(hex(address6), 21, 4) || ':' ||
		substr(hex(address6), 25, 4) || ':' || substr(hex(address6), 29, 4)) AS client,
	side >> 2 AS port6,
	(mapped >> 40) || '.' || (mapped >> 32 & 255) || '.' || (mapped >> 24 & 255) || '.' ||
		(mapped >> 16 & 255) AS mapped,
	mapped & 65535 AS port4,
	datetime(ended - lasted, 'unixepoch') AS created,
	datetime(ended, 'unixepoch') AS ended
FROM closed_row;
