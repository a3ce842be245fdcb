-- SPDX-License-Identifier: GPL-2.0-or-later
-- The prefixes that pool6 of binding and session stands for. A place never becomes another prefix,
-- and goes when no row has it at a start. Places below 16 are of rows of older versions: the
-- number of the prefix in Pool6.

CREATE TABLE pool6 (
	place INTEGER PRIMARY KEY,
	address BLOB NOT NULL,
	length INTEGER NOT NULL,
	UNIQUE (address, length)
) STRICT;
