-- SPDX-License-Identifier: GPL-2.0-or-later
-- Where clients have blocks of ports (Pool4.Mode=blocks), who had one and when is all that is kept of
-- bindings that have ended, as long as there was one of them: one row, however many. Times are seconds of
-- CLOCK_REALTIME: they are asked for by people.

CREATE TABLE closed_block (
	address4 INTEGER NOT NULL,
	first INTEGER NOT NULL,   -- port, or ICMP identifier
	last INTEGER NOT NULL,
	address6 BLOB NOT NULL,   -- of the client's prefix
	length INTEGER NOT NULL,
	ended INTEGER NOT NULL,
	created INTEGER NOT NULL,
	PRIMARY KEY (address4, first, last, address6, length, ended)
) STRICT, WITHOUT ROWID;
CREATE INDEX closed_block_ended ON closed_block (ended);

-- For people: sqlite3 -readonly state.db 'SELECT * FROM closed_blocks'
CREATE VIEW closed_blocks AS SELECT
	lower(substr(hex(address6), 1, 4) || ':' || substr(hex(address6), 5, 4) || ':' ||
		substr(hex(address6), 9, 4) || ':' || substr(hex(address6), 13, 4) || ':' ||
		substr(hex(address6), 17, 4) || ':' || substr(hex(address6), 21, 4) || ':' ||
		substr(hex(address6), 25, 4) || ':' || substr(hex(address6), 29, 4)) || '/' || length AS client,
	(address4 >> 24) || '.' || (address4 >> 16 & 255) || '.' || (address4 >> 8 & 255) || '.' ||
		(address4 & 255) AS mapped,
	first,
	last,
	datetime(created, 'unixepoch') AS created,
	datetime(ended, 'unixepoch') AS ended
FROM closed_block;
