/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_pool4's figures of a list of clients: who uses most of a million. */
#pragma once

void bench_clients_top(void);
