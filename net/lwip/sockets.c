/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets as file descriptors, and the few functions of the interface that lwIP does not have or
 * has otherwise. The rest are lwIP's own under their usual names.
 */
#include "net/lwip/sockets.h"

#include "kernel/console/log.h"
#include "kernel/libc/files.h"
#include "lwip/sockets.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

#define LOG_AREA "network"
#define LAST_DESCRIPTOR (LWIP_SOCKET_OFFSET + MEMP_NUM_NETCONN - 1)

const struct in6_addr in6addr_loopback = IN6ADDR_LOOPBACK_INIT;

static int socket_close(int descriptor)
{
	return lwip_close(descriptor);
}

static ssize_t socket_read(int descriptor, void *data, size_t length)
{
	return lwip_read(descriptor, data, length);
}

static ssize_t socket_write(int descriptor, const void *data, size_t length)
{
	return lwip_write(descriptor, data, length);
}

static int socket_fcntl(int descriptor, int command, int argument)
{
	return lwip_fcntl(descriptor, command, argument);
}

static const struct file_operations socket_operations = {
	.read = socket_read,
	.write = socket_write,
	.close = socket_close,
	.fcntl = socket_fcntl,
};

void sockets_init(void)
{
	if (files_register_range(LWIP_SOCKET_OFFSET, LAST_DESCRIPTOR, &socket_operations))
		log_error("sockets are no files: too many kinds of files");
}

/*
 * The linker gives calls of connect() to this, and lwIP's own is __real_connect(): a connection that
 * could not be made has errors of its own, where lwIP says what became of the segment.
 */
int __real_connect(int descriptor, const struct sockaddr *address, socklen_t length);
int __wrap_connect(int descriptor, const struct sockaddr *address, socklen_t length);
int __wrap_connect(int descriptor, const struct sockaddr *address, socklen_t length)
{
	int result = __real_connect(descriptor, address, length);

	if (result == -1 && errno == ECONNRESET)
		errno = ECONNREFUSED;
	else if (result == -1 && errno == ECONNABORTED)
		errno = ETIMEDOUT;
	return result;
}

/*
 * The same for accept(): a connection that its peer reset before it was taken is no reason to end a server, which Linux
 * does not hear of, either. The next one is waited for.
 */
int __real_accept(int descriptor, struct sockaddr *address, socklen_t *length);
int __wrap_accept(int descriptor, struct sockaddr *address, socklen_t *length);
int __wrap_accept(int descriptor, struct sockaddr *address, socklen_t *length)
{
	for (;;) {
		int result = __real_accept(descriptor, NULL, NULL);

		if (result == -1 && errno == ECONNABORTED)
			continue;
		if (result == -1 || !address || !length ||
		    !lwip_getpeername(result, address, length))
			return result;
		lwip_close(result);
	}
}

const char *gai_strerror(int error)
{
	switch (error) {
	case 0:
		return "success";
	case EAI_NONAME:
		return "name or service not known";
	case EAI_SERVICE:
		return "service not known";
	case EAI_FAIL:
		return "name resolution failed";
	case EAI_MEMORY:
		return "no memory";
	case EAI_FAMILY:
		return "address family not supported";
	default:
		return "unknown error";
	}
}

/* Numbers only: nobody here knows names of addresses or services. */
int getnameinfo(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size,
		char *service, socklen_t service_size, int flags)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	const void *number;
	in_port_t port;

	if (flags & NI_NAMEREQD)
		return EAI_NONAME;
	if (length >= sizeof(*v4) && address->sa_family == AF_INET) {
		number = &v4->sin_addr;
		port = v4->sin_port;
	} else if (length >= sizeof(*v6) && address->sa_family == AF_INET6) {
		number = &v6->sin6_addr;
		port = v6->sin6_port;
	} else {
		return EAI_FAMILY;
	}
	if (host && host_size && !lwip_inet_ntop(address->sa_family, number, host, host_size))
		return EAI_MEMORY;
	if (service && service_size &&
	    sniprintf(service, service_size, "%u", lwip_ntohs(port)) >= (int)service_size)
		return EAI_MEMORY;
	return 0;
}
