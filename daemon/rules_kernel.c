/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running nft commands and iptables' programs: see rules_kernel.h.
 */
#include "daemon/rules_kernel.h"

#include <errno.h>
#include <glib.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/netlink.h"

static void set_error(char **ret_error, char *sentence)
{
	if (ret_error != NULL)
		*ret_error = sentence;
	else
		g_free(sentence);
}

/* nft prints "file:line:columns: Error: reason" and the command with a pointer below it. */
static char *nft_sentence(const char *message)
{
	const char *reason = strstr(message, "Error: ");
	g_autofree char *line = NULL;

	reason = reason != NULL ? reason + strlen("Error: ") : message;
	line = g_strndup(reason, strcspn(reason, "\n"));
	return g_strdup_printf("nf_tables refused the packet rules: %s",
			       line[0] == '\0' ? "no reason given" : line);
}

/* A question to nf_tables about the family, in buffer. */
static struct nlmsghdr *question(char buffer[NETLINK_REQUEST_SIZE], uint16_t type, uint16_t flags,
				 uint8_t family)
{
	struct nfgenmsg *header;
	struct nlmsghdr *request = netlink_request(buffer, NFNL_SUBSYS_NFTABLES << 8 | type, flags,
						   sizeof(*header), &header);

	*header = (struct nfgenmsg){.nfgen_family = family, .version = NFNETLINK_V0};
	return request;
}

static int ask(struct nlmsghdr *request)
{
	struct netlink netlink;
	int r = netlink_open(NETLINK_NETFILTER, &netlink);

	if (r < 0)
		return r;
	r = netlink_ask(&netlink, request, NULL, NULL);
	netlink_close(&netlink);
	return r;
}

/* Asks for the ruleset's generation, the least there is to ask: libnftables itself would print its
 * lack of rights to stderr. */
static int ask_generation(void)
{
	char buffer[NETLINK_REQUEST_SIZE];

	return ask(question(buffer, NFT_MSG_GETGEN, NLM_F_ACK, AF_UNSPEC));
}

bool rules_kernel_has_chain(const char *table, const char *chain)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct nlmsghdr *request = question(buffer, NFT_MSG_GETCHAIN, 0, NFPROTO_INET);

	mnl_attr_put_strz(request, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(request, NFTA_CHAIN_NAME, chain);
	return ask(request) == 0;
}

static int check_rights(char **ret_error)
{
	int r = ask_generation();

	if (r == -EPERM)
		set_error(ret_error, g_strdup("packet rules need the capability CAP_NET_ADMIN"));
	else if (r < 0)
		set_error(ret_error,
			  g_strdup_printf("this kernel has no nf_tables (CONFIG_NF_TABLES), which "
					  "the packet rules need: %s",
					  g_strerror(-r)));
	return r;
}

int rules_kernel_nft(const char *commands, bool dry, char **ret_output, char **ret_error)
{
	struct nft_ctx *nft;
	int r = check_rights(ret_error);

	if (r < 0)
		return r;
	nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (nft == NULL) {
		set_error(ret_error, g_strdup("no memory to run nft commands"));
		return -ENOMEM;
	}
	nft_ctx_set_dry_run(nft, dry);
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_HANDLE);
	if (nft_ctx_buffer_output(nft) != 0 || nft_ctx_buffer_error(nft) != 0) {
		set_error(ret_error, g_strdup("no memory to run nft commands"));
		r = -ENOMEM;
		goto out;
	}
	if (nft_run_cmd_from_buffer(nft, commands) != 0) {
		const char *message = nft_ctx_get_error_buffer(nft);

		r = strstr(message, "No such file") != NULL ? -ENOENT : -EINVAL;
		set_error(ret_error, nft_sentence(message));
	} else if (ret_output != NULL) {
		*ret_output = g_strdup(nft_ctx_get_output_buffer(nft));
	}
out:
	nft_ctx_free(nft);
	return r;
}

/* A file in memory: no deadlock between a child that writes and a parent that does, too. */
static int memory_file(const char *content)
{
	int fd = memfd_create("nat64d", MFD_CLOEXEC);
	size_t size = strlen(content);

	if (fd < 0)
		return -errno;
	if (write(fd, content, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static char *read_back(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = g_malloc0(size > 0 ? (size_t)size + 1 : 1);

	if (size > 0 && pread(fd, text, (size_t)size, 0) != (ssize_t)size)
		text[0] = '\0';
	return text;
}

static char *find_program(const char *name)
{
	static const char *const directories[] = {"/usr/sbin", "/sbin", "/usr/local/sbin"};
	char *path = g_find_program_in_path(name);

	for (size_t i = 0; path == NULL && i < G_N_ELEMENTS(directories); i++) {
		path = g_build_filename(directories[i], name, NULL);
		if (access(path, X_OK) != 0)
			g_clear_pointer(&path, g_free);
	}
	return path;
}

/* Starts it and waits; its exit status, or a negative errno. */
static int spawn(const char *path, const char *const argv[], int in, int out, int err)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;
	int r, status;

	/* The daemon blocks signals that the child must not inherit blocked. */
	sigemptyset(&none);
	r = posix_spawnattr_init(&attributes);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0) {
		(void)posix_spawnattr_destroy(&attributes);
		return -r;
	}
	r = posix_spawnattr_setsigmask(&attributes, &none);
	r = r != 0 ? r : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	r = r != 0 ? r : posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	r = r != 0 ? r : posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	r = r != 0 ? r : posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	r = r != 0 ? r
		   : posix_spawn(&pid, path, &actions, &attributes, (char *const *)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int rules_kernel_program(const char *const argv[], const char *input, char **ret_output,
			 char **ret_error)
{
	g_autofree char *path = find_program(argv[0]);
	int in = memory_file(input), out = memory_file(""), err = memory_file("");
	int r;

	if (path == NULL) {
		set_error(ret_error,
			  g_strdup_printf("%s is missing: install the package iptables", argv[0]));
		r = -ENOENT;
	} else if (in < 0 || out < 0 || err < 0) {
		set_error(ret_error, g_strdup_printf("no memory to run %s", argv[0]));
		r = -ENOMEM;
	} else {
		r = spawn(path, argv, in, out, err);
		if (r != 0) {
			g_autofree char *message = read_back(err);

			message[strcspn(message, "\n")] = '\0';
			set_error(ret_error, g_strdup_printf("%s failed: %s", argv[0],
							     message[0] != '\0' ? message
							     : r < 0            ? g_strerror(-r)
								     : "no reason given"));
			r = -EIO;
		} else if (ret_output != NULL) {
			*ret_output = read_back(out);
		}
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (err >= 0)
		close(err);
	return r;
}
