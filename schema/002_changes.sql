-- SPDX-License-Identifier: GPL-2.0-or-later
-- What was changed by command, with what the files said then ('' = nothing): the newest word wins.
-- And bindings that have ended, for State.Retention.

CREATE TABLE pool4_entry (
	name TEXT PRIMARY KEY,
	addresses TEXT NOT NULL,
	ports TEXT NOT NULL,
	protocols TEXT NOT NULL,
	clients TEXT NOT NULL,
	prefix TEXT NOT NULL,
	overflow INTEGER NOT NULL,
	comment TEXT NOT NULL,
	state TEXT NOT NULL,
	file_said TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE static_binding (
	protocol INTEGER NOT NULL,
	address4 INTEGER NOT NULL,
	port4 INTEGER NOT NULL,
	address6 BLOB NOT NULL,
	port6 INTEGER NOT NULL,
	name TEXT NOT NULL,
	comment TEXT NOT NULL,
	removed INTEGER NOT NULL, -- 1: one of the files that is not to be
	file_said TEXT NOT NULL,
	PRIMARY KEY (protocol, address4, port4)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
	section TEXT NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	file_said TEXT NOT NULL,
	PRIMARY KEY (section, key)
) STRICT, WITHOUT ROWID;

-- Times are seconds of CLOCK_REALTIME here: they are asked for by people.
CREATE TABLE closed_binding (
	id INTEGER PRIMARY KEY,
	protocol INTEGER NOT NULL,
	address4 INTEGER NOT NULL,
	port4 INTEGER NOT NULL,
	address6 BLOB NOT NULL,
	port6 INTEGER NOT NULL,
	created INTEGER NOT NULL,
	ended INTEGER NOT NULL
) STRICT;
CREATE INDEX closed_binding_who ON closed_binding (address4, port4, ended);
