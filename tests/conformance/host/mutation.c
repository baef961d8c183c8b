/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/conformance/host/model.h"
int model_mutation(const char *only, bool complete, bool verbose)
{
	(void)only;
	(void)complete;
	(void)verbose;
	return 0;
}
