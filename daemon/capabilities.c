/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEPT (1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW)

int capabilities_keep_net(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t kept;

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	/* What a program of root's started by us could gain. Without CAP_SETPCAP it stays. */
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (capability != CAP_NET_ADMIN && capability != CAP_NET_RAW)
			(void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);

	kept = data[0].permitted & KEPT;
	/* Who was started with these and no more needs no call that a sandbox may not permit. */
	if (data[0].permitted != kept || data[0].effective != kept || data[0].inheritable != kept ||
	    data[1].permitted != 0 || data[1].inheritable != 0) {
		data[0] = (struct __user_cap_data_struct){kept, kept, kept};
		data[1] = (struct __user_cap_data_struct){0};
		if (syscall(SYS_capset, &header, data) < 0)
			return -errno;
	}
	/* For programs started by a user who is not root. */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0);
	return 0;
}
