/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest application: standard C, floating point and arguments.
 *
 *	make APP=docs/examples/hello.c
 *	qemu-system-x86_64 -M microvm -nographic -kernel build/app/hello.elf -append '-- one two'
 */
#include <math.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	printf("Hello from %s, with %d arguments\n", argv[0], argc - 1);
	for (int i = 1; i < argc; i++)
		printf("%d: %s\n", i, argv[i]);
	printf("pi is about %f, and its square root %.3e\n", acos(-1.0), sqrt(acos(-1.0)));
	return 0;
}
