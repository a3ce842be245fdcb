/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * News of nf_tables: somebody has changed what is ours, or has another firewall now. The daemon
 * looks after its rules, and whether it can send, now and then in any case; with this it need not
 * wait.
 */
#pragma once

#include <stdbool.h>

struct rules_news;

int rules_news_new(const char *instance, struct rules_news **ret);
void rules_news_free(struct rules_news *news);
int rules_news_fd(const struct rules_news *news);

/* Reads all that has come. Has something come into our table or gone out of it, or out of those of
 * iptables where our jumps stand? Elements of sets do not count. What we do ourselves looks the
 * same; what there was no room for is lost. */
bool rules_news_read(struct rules_news *news);
/* What was read last: have rules of others come or gone? */
bool rules_news_of_others(const struct rules_news *news);
