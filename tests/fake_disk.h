/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk under SQLite (a VFS above the usual one) that fails as it is told, is as slow as it is
 * told, and loses what was not synced when its power is cut.
 *
 * What a cut leaves of a file: what was there at its last sync, and of each sector that was written
 * since any of the versions that it had, independently of other sectors; or, as other disks do, all
 * writes up to one that is torn. Its size is any that it had. A file that was made and never synced
 * may not be there. Files that are renamed while the power counts are not for this.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Of every connection that is opened from now on. */
void fake_disk_install(void);

/* What writing, syncing and shortening files answers from now on, an SQLite result, and errno
 * beside; SQLITE_OK: it works. Only the database itself, or its log, too? */
void fake_disk_fail(int result, int error, bool log_too);
/* Is called before each sync, which may be told to fail then; NULL: nothing is. */
void fake_disk_on_sync(void (*call)(void *context), void *context);

/* From now on the power counts: what is there is safe. It is cut at the n-th time from now that
 * something is written, synced, shortened or removed; then all that fails. */
void fake_disk_power(unsigned n_until_cut);
bool fake_disk_is_cut(void);
/* How often anything was done since fake_disk_power(). */
unsigned fake_disk_n_done(void);
/* When all connections are closed: the files are what the disk has left, and it works again. random
 * NULL: it was only the process that was killed, and all that it has written is there. */
void fake_disk_power_on(GRand *random);
