/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists that come page by page: filters and limits of the command line, rows into a table. */
#pragma once

#include "tools/ctl_arguments.h"
#include "tools/table.h"

struct ctl_list {
	const char *method;
	const char *row_type; /* of one row in the reply */
	bool has_filter;      /* the method takes one */
	/* Both take a filter if the method does; NULL: there is no such way. */
	const char *count_method; /* else rows are counted as they come */
	const char *table;        /* of Dump, for JSON; its lines are what add_row would make */
	const struct table_column *columns;
	/* Reads one row out of the reply into the table: a negative errno, or 0. */
	int (*add_row)(struct ctl *ctl, sd_bus_message *reply, struct table *table);
};

/* The whole verb: filters, pages, printing. */
enum ctl_status ctl_list_run(struct ctl *ctl, const struct ctl_list *list,
			     const struct ctl_arguments *arguments);

/* One row of ListBib that stands alone, printed as the list does. */
enum ctl_status ctl_bib_print(struct ctl *ctl, sd_bus_message *reply);

/* "[2001:db8::5]:2000" and "192.0.2.2:2000"; for ICMP the port is the identifier. */
#define CTL_ENDPOINT_SIZE 80
const char *ctl_endpoint6(const char *address, uint16_t port, char ret[CTL_ENDPOINT_SIZE]);
const char *ctl_endpoint4(const char *address, uint16_t port, char ret[CTL_ENDPOINT_SIZE]);
