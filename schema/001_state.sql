-- SPDX-License-Identifier: GPL-2.0-or-later
-- Bindings and sessions, written behind by the daemon.
--
-- place is the entry's index in its table times 4, plus the protocol (0 tcp, 1 udp, 2 icmp): neighbours
-- in time are neighbours in the file. A session belongs to the binding at that index if it has the
-- same number; otherwise that binding is gone. Times are seconds of CLOCK_BOOTTIME; which second of
-- the wall clock that is, meta says for the last flush. until is an upper bound.

CREATE TABLE meta (
	only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
	boot_id TEXT NOT NULL,    -- /proc/sys/kernel/random/boot_id
	boot_ms INTEGER NOT NULL, -- CLOCK_BOOTTIME and
	wall_ms INTEGER NOT NULL, -- CLOCK_REALTIME of the last flush
	owner INTEGER NOT NULL,   -- drawn by the daemon that has written this
	clean INTEGER NOT NULL    -- 1: that one has ended, and written all it had
) STRICT;
INSERT INTO meta VALUES (1, '', 0, 0, 0, 1);

CREATE TABLE binding (
	place INTEGER PRIMARY KEY,
	address6 BLOB NOT NULL,
	port6 INTEGER NOT NULL,
	address4 INTEGER NOT NULL,
	port4 INTEGER NOT NULL,
	number INTEGER NOT NULL,
	pool6 INTEGER NOT NULL, -- of the prefixes of Pool6, the first is 0
	static INTEGER NOT NULL,
	created INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
	place INTEGER PRIMARY KEY,
	binding INTEGER NOT NULL, -- index
	number INTEGER NOT NULL,
	address4 INTEGER NOT NULL,
	port4 INTEGER NOT NULL,
	state INTEGER NOT NULL,
	pool6 INTEGER NOT NULL,
	until INTEGER NOT NULL
) STRICT;

-- For people: sqlite3 -readonly state.db 'SELECT * FROM bindings'
CREATE VIEW bindings AS SELECT
	CASE place & 3 WHEN 0 THEN 'tcp' WHEN 1 THEN 'udp' ELSE 'icmp' END AS protocol,
	place >> 2 AS place,
	lower(substr(hex(address6), 1, 4) || ':' || substr(hex(address6), 5, 4) || ':' ||
		substr(hex(address6), 9, 4) || ':' || substr(hex(address6), 13, 4) || ':' ||
		substr(hex(address6), 17, 4) || ':' || substr(hex(address6), 21, 4) || ':' ||
		substr(hex(address6), 25, 4) || ':' || substr(hex(address6), 29, 4)) AS client,
	port6,
	(address4 >> 24) || '.' || (address4 >> 16 & 255) || '.' || (address4 >> 8 & 255) || '.' ||
		(address4 & 255) AS mapped,
	port4,
	static,
	datetime(created + (SELECT (wall_ms - boot_ms) / 1000 FROM meta), 'unixepoch') AS created
FROM binding;

CREATE VIEW sessions AS SELECT
	CASE session.place & 3 WHEN 0 THEN 'tcp' WHEN 1 THEN 'udp' ELSE 'icmp' END AS protocol,
	session.place >> 2 AS place,
	client,
	port6,
	mapped,
	bindings.port4 AS mapped_port,
	(address4 >> 24) || '.' || (address4 >> 16 & 255) || '.' || (address4 >> 8 & 255) || '.' ||
		(address4 & 255) AS server,
	session.port4 AS port,
	CASE state WHEN 1 THEN 'v4_init' WHEN 2 THEN 'v6_init' WHEN 3 THEN 'established'
		WHEN 4 THEN 'v4_fin_rcv' WHEN 5 THEN 'v6_fin_rcv' WHEN 6 THEN 'v4v6_fin_rcv'
		WHEN 7 THEN 'trans' ELSE '' END AS state,
	datetime(until + (SELECT (wall_ms - boot_ms) / 1000 FROM meta), 'unixepoch') AS until
FROM session JOIN bindings ON bindings.place = session.binding AND
	bindings.protocol =
		CASE session.place & 3 WHEN 0 THEN 'tcp' WHEN 1 THEN 'udp' ELSE 'icmp' END;
