/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/http/page.h"

#include "kernel/facts/facts.h"
#include "kernel/time/clock.h"
#include "kernel/version.h"
#include "net/lwip/memory.h"
#include "net/lwip/stack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char page_head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>Ringside</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n"
	":root { color-scheme: light dark; --line: #8884; --soft: #8881; --faint: #777; }\n"
	"body { font: 15px/1.45 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }\n"
	"h1 { font-size: 1.9rem; margin: 0; }\n"
	"h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; padding-bottom: .2rem;"
	" border-bottom: 2px solid var(--line); }\n"
	"h3, h4, h5 { font-size: 1rem; margin: 1rem 0 .3rem; }\n"
	".summary { color: var(--faint); margin: .2rem 0 0; }\n"
	"main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 29rem), 1fr));"
	" column-gap: 2.5rem; align-items: start; }\n"
	"nav, section { grid-column: 1 / -1; min-width: 0; }\n"
	"#boot, #time, #cpus, #memory, #random, #interrupts { grid-column: auto; }\n"
	"nav { margin-top: .8rem; }\nnav a { margin-right: .9rem; }\na { color: #46c; }\n"
	"table { border-collapse: collapse; margin: .3rem 0 .8rem; }\n"
	"th, td { text-align: left; vertical-align: top; padding: .16rem .9rem .16rem 0; }\n"
	".pairs th { font-weight: normal; color: var(--faint); min-width: 11rem; }\n"
	".list { font-size: .93em; }\n"
	".list thead th { border-bottom: 1px solid var(--line); font-weight: 600; }\n"
	".list tbody tr:nth-child(even) { background: var(--soft); }\n"
	".list td, .list th { padding: .2rem 1rem .2rem .4rem; white-space: nowrap; }\n"
	".list .n { text-align: right; font-variant-numeric: tabular-nums; }\n"
	".wide { overflow-x: auto; }\n"
	".item { border-left: 3px solid var(--line); padding-left: .9rem; margin: .8rem 0; }\n"
	"@media (min-width: 70rem) { .item .item, #pci > .item { display: inline-block; width: 47%;"
	" box-sizing: border-box; margin-right: 2%; vertical-align: top; } }\n"
	"code { font: .92em ui-monospace, monospace; }\n"
	"footer { margin-top: 2.5rem; color: var(--faint); font-size: .9em; }\n"
	"@media print { body { max-width: none; margin: 0; font-size: 10pt; }"
	" .wide { overflow: visible; } section, .item, tr { break-inside: avoid-page; }"
	" h2, h3 { break-after: avoid; } }\n"
	"</style>\n</head>\n<body>\n<header>\n<h1>Ringside</h1>\n";

static const char page_foot[] =
	"<footer>The same as data: <a href=\"/status.json\">/status.json</a></footer>\n"
	"</body>\n</html>\n";

/* facts_output: appends to the answer. */
static int append(void *context, const char *text, size_t length)
{
	struct http_answer *answer = context;

	if (answer->length + length > HTTP_PAGE_MAX)
		return -EFBIG;
	while (length) {
		struct http_block *block = answer->last;
		size_t part;

		if (!block || block->length == HTTP_BLOCK) {
			block = network_memory_alloc(sizeof(*block));
			if (!block)
				return -ENOMEM;
			block->next = NULL;
			block->length = 0;
			if (answer->last)
				answer->last->next = block;
			else
				answer->first = block;
			answer->last = block;
		}
		part = HTTP_BLOCK - block->length;
		if (part > length)
			part = length;
		memcpy(block->bytes + block->length, text, part);
		block->length += part;
		answer->length += part;
		text += part;
		length -= part;
	}
	return 0;
}

static int append_text(struct http_answer *answer, const char *text)
{
	return append(answer, text, strlen(text));
}

void http_answer_free(struct http_answer *answer)
{
	while (answer->first) {
		struct http_block *block = answer->first;

		answer->first = block->next;
		network_memory_free(block);
	}
	*answer = (struct http_answer){0};
}

static int make_html(struct http_answer *answer)
{
	uint64_t up = clock_monotonic() / (NANOSECONDS_PER_SECOND / 10), after = 0;
	const char *address = network_stack_ready(&after);
	char summary[240];
	int status = append_text(answer, page_head);

	after /= NANOSECONDS_PER_MILLISECOND / 10;
	sniprintf(summary, sizeof(summary),
		  "<p class=\"summary\">" RINGSIDE " &middot; %s, ready after %u.%u ms &middot; up "
		  "for %u.%u s</p>\n</header>\n<main>\n",
		  address ? address : "no address", (unsigned int)(after / 10),
		  (unsigned int)(after % 10), (unsigned int)(up / 10), (unsigned int)(up % 10));
	if (!status)
		status = append_text(answer, summary);
	if (!status)
		status = facts_print_html(append, answer);
	if (!status)
		status = append_text(answer, "</main>\n");
	if (!status)
		status = append_text(answer, page_foot);
	return status;
}

static const char html[] = "text/html; charset=utf-8";
static const char elsewhere[] =
	"There is a <a href=\"/\">status page</a>, and the same as <a href=\"/status.json\">JSON</a>.";

static int make_error(struct http_answer *answer, const char *status_line, const char *text)
{
	char body[320];

	sniprintf(
		body, sizeof(body),
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%s</title></head>\n"
		"<body><h1>%s</h1>\n<p>%s</p></body></html>\n",
		status_line, status_line, text);
	return append_text(answer, body);
}

/* The head goes in front of the body, whose length it tells. */
static int add_head(struct http_answer *answer, const char *status_line, const char *type,
		    bool keep_alive, bool body_wanted)
{
	struct http_answer head = {0};
	char text[512];
	int status;

	sniprintf(
		text, sizeof(text),
		"HTTP/1.1 %s\r\n"
		"Server: ringside/" RINGSIDE_VERSION "\r\n"
		"Content-Type: %s\r\n"
		"Content-Length: %u\r\n"
		"%s"
		"Cache-Control: no-store\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:\r\n"
		"Connection: %s\r\n\r\n",
		status_line, type, (unsigned int)answer->length,
		strncmp(status_line, "405", 3) ? "" : "Allow: GET, HEAD\r\n",
		keep_alive ? "keep-alive" : "close");
	if (!body_wanted)
		http_answer_free(answer);
	status = append_text(&head, text);
	if (status || !head.last) {
		http_answer_free(&head);
		return status;
	}
	head.last->next = answer->first;
	head.length += answer->length;
	if (answer->last)
		head.last = answer->last;
	*answer = head;
	return 0;
}

/* The page that was asked for, or what is wrong with the request, with its head. Leaves a part behind when it fails. */
static int make(const struct http_request *request, bool too_large, struct http_answer *answer,
		bool keep_alive)
{
	const char *status_line = "200 OK", *type = html;
	int status;

	if (!request)
		status_line = too_large ? "431 Request Header Fields Too Large" : "400 Bad Request";
	else if (request->method == HTTP_OTHER)
		status_line = "405 Method Not Allowed";
	else if (strcmp(request->path, "/") && strcmp(request->path, "/status.json"))
		status_line = "404 Not Found";

	if (strncmp(status_line, "200", 3)) {
		status = make_error(answer, status_line, elsewhere);
	} else if (!strcmp(request->path, "/")) {
		status = make_html(answer);
	} else {
		type = "application/json";
		status = facts_print_json(append, answer);
	}
	return status ? status
		      : add_head(answer, status_line, type, keep_alive,
				 !request || request->method != HTTP_HEAD);
}

int http_answer_make(const struct http_request *request, bool too_large, struct http_answer *answer,
		     bool *keep_alive)
{
	int status;

	*answer = (struct http_answer){0};
	*keep_alive = request && request->keep_alive && !request->has_body;
	status = make(request, too_large, answer, *keep_alive);
	if (status) {
		const char *status_line =
			status == -EFBIG ? "500 Internal Server Error" : "503 Service Unavailable";

		/* What was made of it is given back, and may be enough for this. */
		http_answer_free(answer);
		*keep_alive = false;
		status = make_error(answer, status_line,
				    status == -EFBIG ? "This page would be larger than 1 MiB."
						     : "There is no memory for this page now.");
		if (!status)
			status = add_head(answer, status_line, html, false,
					  !request || request->method != HTTP_HEAD);
	}
	if (status)
		http_answer_free(answer);
	return status;
}
