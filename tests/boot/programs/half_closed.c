/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Four connections, one after the other: each says that it sends no more, sleeps while its peer sends all that it has and does
 * the same, and then reads that. Others are answered.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 7

/* How many bytes come before the end, or -1 for an error. */
static int read_all(int connection)
{
	char bytes[1000];
	int total = 0;

	for (;;) {
		ssize_t got = read(connection, bytes, sizeof(bytes));

		if (got <= 0)
			return got < 0 ? -1 : total;
		total += (int)got;
	}
}

int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 4))
		return 1;
	printf("half_closed: listening\n");
	for (unsigned int i = 1; i <= 4; i++) {
		int connection = accept(listener, NULL, NULL), total;

		if (connection < 0 || shutdown(connection, SHUT_WR))
			return 1;
		printf("half_closed: %u sends no more\n", i);
		sleep(2);
		total = read_all(connection);
		printf("half_closed: %u had %d bytes and the end\n", i, total);
		sleep(1);
		close(connection);
	}
	for (bool done = false; !done;) {
		int connection = accept(listener, NULL, NULL);
		char byte;

		if (connection < 0)
			return 1;
		/* Until its peer has the answer, and ends the connection. */
		while (read(connection, &byte, 1) == 1 && write(connection, &byte, 1) == 1)
			done = byte == 'q';
		close(connection);
	}
	printf("half_closed: done\n");
	return 0;
}
