/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP server as one writes it for any POSIX system: answers each line with its number and the
 * line in upper case, and ends when a client says "quit".
 *
 *	make APP=docs/examples/tcp_server.c
 *	qemu-system-x86_64 -M q35 -nographic -kernel build/app/tcp_server.elf \
 *		-netdev user,id=n,hostfwd=tcp:127.0.0.1:7777-:7777 \
 *		-device virtio-net-pci,netdev=n -append '-- 7777'
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_MAX_LENGTH 1000

static bool send_all(int connection, const char *data, size_t length)
{
	while (length) {
		ssize_t sent = write(connection, data, length);

		if (sent <= 0)
			return false;
		data += sent;
		length -= (size_t)sent;
	}
	return true;
}

static bool answer(int connection, unsigned int number, char *line)
{
	char text[LINE_MAX_LENGTH + 32];
	int length;

	for (char *c = line; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	length = snprintf(text, sizeof(text), "%u: %s\n", number, line);
	return send_all(connection, text, (size_t)length);
}

/* True when the client said "quit". */
static bool serve(int connection)
{
	char line[LINE_MAX_LENGTH + 1];
	size_t used = 0;
	unsigned int number = 0;

	for (;;) {
		char *end;
		ssize_t got = read(connection, line + used, LINE_MAX_LENGTH - used);

		if (got <= 0)
			return false;
		used += (size_t)got;
		line[used] = '\0';
		while ((end = memchr(line, '\n', used))) {
			size_t taken = (size_t)(end - line) + 1;

			*end = '\0';
			if (end > line && end[-1] == '\r')
				end[-1] = '\0';
			if (!strcmp(line, "quit"))
				return true;
			if (!answer(connection, ++number, line))
				return false;
			used -= taken;
			memmove(line, line + taken, used + 1);
		}
		if (used == LINE_MAX_LENGTH)
			return false; /* a line without end */
	}
}

int main(int argc, char **argv)
{
	int port = argc > 1 ? atoi(argv[1]) : 7777, one = 1;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	bool quit = false;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 8)) {
		perror("tcp_server");
		return 1;
	}
	printf("tcp_server: listening on port %d\n", port);
	while (!quit) {
		struct sockaddr_in peer;
		socklen_t length = sizeof(peer);
		int connection = accept(listener, (struct sockaddr *)&peer, &length);
		char text[INET_ADDRSTRLEN];

		if (connection < 0) {
			perror("tcp_server: accept");
			return 1;
		}
		printf("tcp_server: %s port %u\n",
		       inet_ntop(AF_INET, &peer.sin_addr, text, sizeof(text)),
		       ntohs(peer.sin_port));
		quit = serve(connection);
		close(connection);
	}
	close(listener);
	printf("tcp_server: done\n");
	return 0;
}
