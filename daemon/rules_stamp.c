/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See rules_stamp.h. To the kernel an interval is two elements, its first address and the first one
 * behind it, which has a flag (rules_batch.c). Where nothing begins with the first address of all,
 * nft puts an end there, and batches do not.
 */
#include "daemon/rules_stamp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "daemon/core/siphash.h"
#include "daemon/netlink.h"

/* Longest key of a set: address, protocol and port, each padded to four bytes; twice. */
#define ELEMENT_SIZE (4 + 2 * 64)

struct reading {
	const char *table;
	const char *chain; /* NULL: all but "undo" */
	struct rules_digest digest;
};

bool rules_digest_equal(const struct rules_digest *a, const struct rules_digest *b)
{
	return a->n == b->n && a->sum == b->sum;
}

void rules_digest_add(struct rules_digest *digest, const struct rules_digest *more)
{
	digest->n += more->n;
	digest->sum += more->sum;
}

static void add(struct rules_digest *digest, const void *data, size_t size)
{
	static const struct siphash_key key;

	digest->n++;
	digest->sum += siphash(&key, data, size);
}

static void begin(void *data)
{
	((struct reading *)data)->digest = (struct rules_digest){0};
}

static struct nlmsghdr *question(char buffer[NETLINK_REQUEST_SIZE], uint16_t type, uint16_t flags,
				 uint8_t family)
{
	struct nfgenmsg *header;
	struct nlmsghdr *request =
		netlink_request(buffer, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags,
				sizeof(*header), &header);

	*header = (struct nfgenmsg){.nfgen_family = family, .version = NFNETLINK_V0};
	return request;
}

static bool is_text(const struct nlattr *attr, const char *text)
{
	return attr != NULL && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 &&
	       strcmp(mnl_attr_get_str(attr), text) == 0;
}

/* What a message says under these types of attributes, in this order. */
static void add_attributes(struct reading *reading, const struct nlattr **attr, const int *types,
			   size_t n_types)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	for (size_t i = 0; i < n_types; i++) {
		const struct nlattr *one = attr[types[i]];

		if (one != NULL)
			g_byte_array_append(bytes, mnl_attr_get_payload(one),
					    mnl_attr_get_payload_len(one));
	}
	/* The place counts, too: the same rules in another order are others. */
	g_byte_array_append(bytes, (const uint8_t *)&reading->digest.n, sizeof(reading->digest.n));
	add(&reading->digest, bytes->data, bytes->len);
}

static int note_generation(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attr[NFTA_GEN_ID + 1];

	netlink_attributes(message, sizeof(struct nfgenmsg), attr, G_N_ELEMENTS(attr));
	if (attr[NFTA_GEN_ID] != NULL && mnl_attr_validate(attr[NFTA_GEN_ID], MNL_TYPE_U32) == 0)
		*(uint32_t *)data = ntohl(mnl_attr_get_u32(attr[NFTA_GEN_ID]));
	return MNL_CB_OK;
}

static int ask(struct nlmsghdr *request, mnl_cb_t callback, void *data)
{
	struct netlink netlink;
	int r = netlink_open(NETLINK_NETFILTER, &netlink);

	if (r < 0)
		return r;
	r = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP
		    ? netlink_dump(&netlink, request, callback, data, begin)
		    : netlink_ask(&netlink, request, callback, data);
	netlink_close(&netlink);
	return r;
}

int rules_stamp_generation(uint32_t *ret)
{
	char buffer[NETLINK_REQUEST_SIZE];

	return ask(question(buffer, NFT_MSG_GETGEN, 0, AF_UNSPEC), note_generation, ret);
}

static int note_table(const struct nlmsghdr *message, void *data)
{
	/* Flags: one of them is that its rules sleep. */
	static const int types[] = {NFTA_TABLE_HANDLE, NFTA_TABLE_FLAGS};
	const struct nlattr *attr[NFTA_TABLE_HANDLE + 1];

	netlink_attributes(message, sizeof(struct nfgenmsg), attr, G_N_ELEMENTS(attr));
	add_attributes(data, attr, types, G_N_ELEMENTS(types));
	return MNL_CB_OK;
}

static int note_chain(const struct nlmsghdr *message, void *data)
{
	static const int types[] = {NFTA_CHAIN_HANDLE, NFTA_CHAIN_POLICY};
	const struct nlattr *attr[NFTA_CHAIN_POLICY + 1];
	struct reading *reading = data;

	netlink_attributes(message, sizeof(struct nfgenmsg), attr, G_N_ELEMENTS(attr));
	/* The kernel gives those of all tables. */
	if (is_text(attr[NFTA_CHAIN_TABLE], reading->table))
		add_attributes(reading, attr, types, G_N_ELEMENTS(types));
	return MNL_CB_OK;
}

static int note_rule(const struct nlmsghdr *message, void *data)
{
	static const int types[] = {NFTA_RULE_CHAIN, NFTA_RULE_HANDLE};
	const struct nlattr *attr[NFTA_RULE_HANDLE + 1];
	struct reading *reading = data;

	netlink_attributes(message, sizeof(struct nfgenmsg), attr, G_N_ELEMENTS(attr));
	if (!is_text(attr[NFTA_RULE_TABLE], reading->table))
		return MNL_CB_OK;
	if (reading->chain == NULL ? is_text(attr[NFTA_RULE_CHAIN], "undo")
				   : !is_text(attr[NFTA_RULE_CHAIN], reading->chain))
		return MNL_CB_OK;
	add_attributes(reading, attr, types, G_N_ELEMENTS(types));
	return MNL_CB_OK;
}

int rules_stamp_table(const char *table, struct rules_digest *ret)
{
	struct reading reading = {.table = table};
	char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *request;
	int r;

	*ret = (struct rules_digest){0};
	request = question(buffer, NFT_MSG_GETTABLE, 0, NFPROTO_INET);
	mnl_attr_put_strz(request, NFTA_TABLE_NAME, table);
	r = ask(request, note_table, &reading);
	rules_digest_add(ret, &reading.digest);
	if (r == 0)
		r = ask(question(buffer, NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_INET), note_chain,
			&reading);
	rules_digest_add(ret, &reading.digest);
	if (r < 0)
		return r;
	request = question(buffer, NFT_MSG_GETRULE, NLM_F_DUMP, NFPROTO_INET);
	mnl_attr_put_strz(request, NFTA_RULE_TABLE, table);
	r = ask(request, note_rule, &reading);
	rules_digest_add(ret, &reading.digest);
	return r;
}

int rules_stamp_chain(const char *family, const char *table, const char *chain,
		      struct rules_digest *ret)
{
	struct reading reading = {.table = table, .chain = chain};
	uint8_t number = strcmp(family, "ip6") == 0 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *request = question(buffer, NFT_MSG_GETRULE, NLM_F_DUMP, number);
	int r;

	mnl_attr_put_strz(request, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(request, NFTA_RULE_CHAIN, chain);
	r = ask(request, note_rule, &reading);
	*ret = reading.digest;
	return r;
}

/* ---- elements
 * ------------------------------------------------------------------------------------
 */

static void add_element(struct rules_digest *digest, uint32_t flags, const void *key, size_t size,
			const void *end, size_t end_size)
{
	uint8_t bytes[ELEMENT_SIZE];

	if (sizeof(flags) + size + end_size > sizeof(bytes))
		return;
	memcpy(bytes, &flags, sizeof(flags));
	memcpy(bytes + sizeof(flags), key, size);
	if (end_size > 0)
		memcpy(bytes + sizeof(flags) + size, end, end_size);
	add(digest, bytes, sizeof(flags) + size + end_size);
}

static bool is_zero(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != 0)
			return false;
	return true;
}

/* The bytes of a key, which is nested; 0 of them: there is none. */
static size_t value_of(const struct nlattr *key, const void **ret)
{
	const struct nlattr *attr[NFTA_DATA_VALUE + 1];

	if (key == NULL)
		return 0;
	netlink_nested(key, attr, G_N_ELEMENTS(attr));
	if (attr[NFTA_DATA_VALUE] == NULL)
		return 0;
	*ret = mnl_attr_get_payload(attr[NFTA_DATA_VALUE]);
	return mnl_attr_get_payload_len(attr[NFTA_DATA_VALUE]);
}

static void note_element(struct rules_digest *digest, const struct nlattr *element)
{
	const struct nlattr *attr[NFTA_SET_ELEM_KEY_END + 1];
	const void *key = NULL, *end = NULL;
	uint32_t flags = 0;
	size_t size, end_size;

	netlink_nested(element, attr, G_N_ELEMENTS(attr));
	if (attr[NFTA_SET_ELEM_FLAGS] != NULL &&
	    mnl_attr_validate(attr[NFTA_SET_ELEM_FLAGS], MNL_TYPE_U32) == 0)
		flags = ntohl(mnl_attr_get_u32(attr[NFTA_SET_ELEM_FLAGS]));
	size = value_of(attr[NFTA_SET_ELEM_KEY], &key);
	end_size = value_of(attr[NFTA_SET_ELEM_KEY_END], &end);
	if (size == 0 || ((flags & NFT_SET_ELEM_INTERVAL_END) != 0 && is_zero(key, size)))
		return;
	add_element(digest, flags, key, size, end, end_size);
}

static int note_elements(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attr[NFTA_SET_ELEM_LIST_ELEMENTS + 1], *element;
	struct reading *reading = data;

	netlink_attributes(message, sizeof(struct nfgenmsg), attr, G_N_ELEMENTS(attr));
	if (attr[NFTA_SET_ELEM_LIST_ELEMENTS] == NULL)
		return MNL_CB_OK;
	mnl_attr_for_each_nested(element, attr[NFTA_SET_ELEM_LIST_ELEMENTS])
		note_element(&reading->digest, element);
	return MNL_CB_OK;
}

int rules_stamp_set(const char *table, const char *set, struct rules_digest *ret)
{
	struct reading reading = {.table = table};
	char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *request = question(buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP, NFPROTO_INET);
	int r;

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, set);
	r = ask(request, note_elements, &reading);
	*ret = reading.digest;
	return r;
}

void rules_stamp_ranges(const struct addr4_range *range, uint32_t n, struct rules_digest *ret)
{
	*ret = (struct rules_digest){0};
	for (uint32_t i = 0; i < n; i++) {
		uint32_t first = htonl(range[i].first), behind = htonl(range[i].last + 1);

		add_element(ret, 0, &first, sizeof(first), NULL, 0);
		if (range[i].last != UINT32_MAX)
			add_element(ret, NFT_SET_ELEM_INTERVAL_END, &behind, sizeof(behind), NULL,
				    0);
	}
}
