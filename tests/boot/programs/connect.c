/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For applications.t: connects to each "ADDRESS PORT" of its arguments, and prints what became of
 * it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *name_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "ECONNREFUSED";
	case ETIMEDOUT:
		return "ETIMEDOUT";
	case EHOSTUNREACH:
		return "EHOSTUNREACH";
	default:
		return "another error";
	}
}

int main(int argc, char **argv)
{
	printf("%s\n", argv[0]);
	for (int i = 1; i + 1 < argc; i += 2) {
		struct sockaddr_in address = {.sin_family = AF_INET};
		int descriptor = socket(AF_INET, SOCK_STREAM, 0);

		address.sin_port = htons((unsigned short)atoi(argv[i + 1]));
		address.sin_addr.s_addr = inet_addr(argv[i]);
		if (connect(descriptor, (struct sockaddr *)&address, sizeof(address)))
			printf("%s %s: %s (%d)\n", argv[i], argv[i + 1], name_of(errno), errno);
		else
			printf("%s %s: connected\n", argv[i], argv[i + 1]);
		close(descriptor);
	}
	return 0;
}
