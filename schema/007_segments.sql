-- SPDX-License-Identifier: GPL-2.0-or-later
-- What is known of the segments of a TCP session, so that superpackets are cut after a restart as before
-- it: bit 0: the client's SYN was seen, bit 1: the server's; from bit 2 on the largest MSS from the client,
-- from bit 13 on that from the server, each 11 bits in units of four. 0: nothing.

ALTER TABLE session ADD COLUMN segments INTEGER NOT NULL DEFAULT 0;
