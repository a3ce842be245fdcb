-- SPDX-License-Identifier: GPL-2.0-or-later
-- What was changed by command, as people write it: no version before has written these tables.
-- A static binding of the files that is not to be may stand beside one that has taken its outside.
-- Of a key the files may have said nothing (''), or "=" and a value, which may be empty.

UPDATE setting SET file_said = '=' || file_said WHERE file_said <> '';
DROP TABLE static_binding;
CREATE TABLE static_binding (
	protocol TEXT NOT NULL,   -- one of them
	outside TEXT NOT NULL,    -- 192.0.2.1:443
	inside TEXT NOT NULL,     -- [2001:db8::5]:443
	comment TEXT NOT NULL,
	removed INTEGER NOT NULL, -- 1: one of the files that is not to be
	PRIMARY KEY (protocol, outside, inside)
) STRICT, WITHOUT ROWID;

-- Times are seconds of CLOCK_REALTIME: they are read by people, too.
CREATE TABLE blocked_client (
	prefix TEXT PRIMARY KEY,
	since INTEGER NOT NULL,
	until INTEGER NOT NULL    -- 0: without end
) STRICT, WITHOUT ROWID;
