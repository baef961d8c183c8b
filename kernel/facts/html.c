/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts as HTML, to be put into a page: links to the sections, then a <section> for each. A list
 * whose items have only plain values becomes a table with a column for each name; other items
 * become a box each.
 */
#include "kernel/facts/tree.h"

#include <string.h>

#define COLUMNS_MAX 12 /* more do not fit on a page: then each item is a box */
#define HEADING_FIRST 2
#define HEADING_LAST 5

static void put_escaped(struct facts_writer *writer, const char *text)
{
	while (*text) {
		bool valid;
		unsigned int length = facts_utf8(text, &valid);

		/* Controls are not allowed in HTML, C1 ones (0xc2 0x80 to 0x9f) neither. */
		if (!valid || (uint8_t)*text < 0x20 || *text == 0x7f ||
		    ((uint8_t)*text == 0xc2 && (uint8_t)text[1] < 0xa0))
			facts_put(writer, "&#xfffd;");
		else if (*text == '&')
			facts_put(writer, "&amp;");
		else if (*text == '<')
			facts_put(writer, "&lt;");
		else if (*text == '>')
			facts_put(writer, "&gt;");
		else if (*text == '"')
			facts_put(writer, "&quot;");
		else if (*text == '\'')
			facts_put(writer, "&#39;");
		else
			facts_put_bytes(writer, text, length);
		text += length;
	}
}

/* Words that are not written as they are spelt in names. */
static const char *const spellings[][2] = {
	/* clang-format off */
	{"apic", "APIC"}, {"bar", "BAR"}, {"bars", "BARs"}, {"cpu", "CPU"}, {"cpus", "CPUs"},
	{"dhcp", "DHCP"}, {"dns", "DNS"}, {"efi", "EFI"}, {"hz", "Hz"}, {"id", "ID"}, {"io", "I/O"},
	{"ipv4", "IPv4"}, {"ipv6", "IPv6"}, {"mac", "MAC"}, {"msi", "MSI"}, {"msix", "MSI-X"},
	{"mtu", "MTU"}, {"pci", "PCI"}, {"virtio", "virtio"},
	/* clang-format on */
};

/* "link_up" as "Link up", "pci" as "PCI". */
static void put_label(struct facts_writer *writer, const char *name)
{
	bool first = true;

	while (*name) {
		size_t length = strcspn(name, "_");
		const char *spelling = NULL;

		for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
			if (strlen(spellings[i][0]) == length &&
			    !strncmp(spellings[i][0], name, length))
				spelling = spellings[i][1];
		if (!first)
			facts_put(writer, " ");
		if (spelling) {
			facts_put(writer, spelling);
		} else {
			char word[FACTS_STRING_MAX + 1];

			memcpy(word, name, length);
			word[length] = '\0';
			if (first && word[0] >= 'a' && word[0] <= 'z')
				word[0] = (char)(word[0] - 'a' + 'A');
			put_escaped(writer, word);
		}
		first = false;
		name += length;
		if (*name)
			name++;
	}
}

static bool is_right_aligned(const struct fact *fact)
{
	return fact->kind == FACT_NUMBER || fact->kind == FACT_BYTES ||
	       fact->kind == FACT_NANOSECONDS || fact->kind == FACT_THOUSANDTHS;
}

/*
 * The value of a scalar, a list of strings or an empty list, with the exact number on hover where
 * it was rounded.
 */
static void put_value(struct facts_writer *writer, const struct fact *fact)
{
	char buffer[FACTS_VALUE_MAX], exact[FACTS_VALUE_MAX];

	if (!fact_is_scalar(fact)) {
		if (!fact->first)
			facts_put(writer, "none");
		for (const struct fact *string = fact->first; string; string = string->next) {
			facts_put(writer, "<code>");
			put_escaped(writer, string->text);
			facts_put(writer, string->next ? "</code> " : "</code>");
		}
		return;
	}
	if ((fact->kind == FACT_BYTES || fact->kind == FACT_NANOSECONDS) && fact->number >= 1000) {
		struct fact number = {.kind = FACT_NUMBER, .number = fact->number};

		facts_put(writer, "<span title=\"");
		facts_put(writer, facts_value(&number, exact));
		facts_put(writer, fact->kind == FACT_BYTES ? " bytes\">" : " ns\">");
		facts_put(writer, facts_value(fact, buffer));
		facts_put(writer, "</span>");
		return;
	}
	if (fact->kind == FACT_NONE) {
		facts_put(writer, "&ndash;");
		return;
	}
	if (fact->kind == FACT_HEX) {
		facts_put(writer, "<code>");
		facts_put(writer, facts_value(fact, buffer));
		facts_put(writer, "</code>");
		return;
	}
	put_escaped(writer, facts_value(fact, buffer));
}

static bool fits_cell(const struct fact *fact)
{
	return fact_is_scalar(fact) || fact->kind == FACT_STRING_LIST ||
	       (fact->kind == FACT_LIST && !fact->first);
}

/*
 * The columns of a list: the names of its items' facts, in the order in which they are met. 0 when
 * the list does not make a table.
 */
static unsigned int find_columns(const struct fact *list, const char *columns[COLUMNS_MAX])
{
	unsigned int count = 0;

	for (const struct fact *item = list->first; item; item = item->next) {
		for (const struct fact *fact = item->first; fact; fact = fact->next) {
			unsigned int i = 0;

			if (!fits_cell(fact))
				return 0;
			while (i < count && strcmp(columns[i], fact->name))
				i++;
			if (i < count)
				continue;
			if (count == COLUMNS_MAX)
				return 0;
			columns[count++] = fact->name;
		}
	}
	return count;
}

static const struct fact *find_fact(const struct fact *item, const char *name)
{
	const struct fact *fact = item->first;

	while (fact && strcmp(fact->name, name))
		fact = fact->next;
	return fact;
}

/* By the first item that has it. */
static bool column_is_number(const struct fact *list, const char *name)
{
	for (const struct fact *item = list->first; item; item = item->next) {
		const struct fact *fact = find_fact(item, name);

		if (fact && fact->kind != FACT_NONE)
			return is_right_aligned(fact);
	}
	return false;
}

static void put_table(struct facts_writer *writer, const struct fact *list,
		      const char *const columns[], unsigned int count)
{
	facts_put(writer, "<div class=\"wide\"><table class=\"list\"><thead><tr>");
	for (unsigned int i = 0; i < count; i++) {
		facts_put(writer, column_is_number(list, columns[i])
					  ? "<th scope=\"col\" class=\"n\">"
					  : "<th scope=\"col\">");
		put_label(writer, columns[i]);
		facts_put(writer, "</th>");
	}
	facts_put(writer, "</tr></thead><tbody>\n");
	for (const struct fact *item = list->first; item; item = item->next) {
		facts_put(writer, "<tr>");
		for (unsigned int i = 0; i < count; i++) {
			const struct fact *fact = find_fact(item, columns[i]);

			facts_put(writer,
				  fact && is_right_aligned(fact) ? "<td class=\"n\">" : "<td>");
			if (fact)
				put_value(writer, fact);
			facts_put(writer, "</td>");
		}
		facts_put(writer, "</tr>\n");
	}
	facts_put(writer, "</tbody></table></div>\n");
}

static void put_object(struct facts_writer *writer, const struct fact *object,
		       unsigned int heading);

static void put_list(struct facts_writer *writer, const struct fact *list, unsigned int heading)
{
	const char *columns[COLUMNS_MAX];
	unsigned int count = find_columns(list, columns);

	if (count) {
		put_table(writer, list, columns, count);
		return;
	}
	for (const struct fact *item = list->first; item; item = item->next) {
		facts_put(writer, "<div class=\"item\">\n");
		put_object(writer, item, heading);
		facts_put(writer, "</div>\n");
	}
}

/*
 * Plain values first, as a table of two columns, then what is made of parts, each under its
 * heading.
 */
static void put_object(struct facts_writer *writer, const struct fact *object, unsigned int heading)
{
	bool open = false;

	for (const struct fact *fact = object->first; fact; fact = fact->next) {
		if (!fits_cell(fact))
			continue;
		if (!open)
			facts_put(writer, "<table class=\"pairs\"><tbody>\n");
		open = true;
		facts_put(writer, "<tr><th scope=\"row\">");
		put_label(writer, fact->name);
		facts_put(writer, "</th><td>");
		put_value(writer, fact);
		facts_put(writer, "</td></tr>\n");
	}
	if (open)
		facts_put(writer, "</tbody></table>\n");
	for (const struct fact *fact = object->first; fact; fact = fact->next) {
		unsigned int next = heading < HEADING_LAST ? heading + 1 : heading;

		if (fits_cell(fact))
			continue;
		facts_put_format(writer, "<h%u>", heading);
		put_label(writer, fact->name);
		facts_put_format(writer, "</h%u>\n", heading);
		if (fact->kind == FACT_LIST)
			put_list(writer, fact, next);
		else
			put_object(writer, fact, next);
	}
}

static int print_section(void *context, const struct facts_section *section)
{
	struct facts_writer *writer = context;
	struct facts facts;
	const struct fact *root = facts_tree_build(&facts, section->describe);

	facts_put(writer, "<section id=\"");
	put_escaped(writer, section->name);
	facts_put_format(writer, "\">\n<h%u>", HEADING_FIRST);
	put_label(writer, section->name);
	facts_put_format(writer, "</h%u>\n", HEADING_FIRST);
	if (root)
		put_object(writer, root, HEADING_FIRST + 1);
	if (!root || facts.incomplete)
		facts_put(writer, "<p>(not all of it: too much, or no memory)</p>\n");
	facts_put(writer, "</section>\n");
	facts_tree_free(&facts);
	return writer->status;
}

static int print_link(void *context, const struct facts_section *section)
{
	struct facts_writer *writer = context;

	facts_put(writer, "<a href=\"#");
	put_escaped(writer, section->name);
	facts_put(writer, "\">");
	put_label(writer, section->name);
	facts_put(writer, "</a>\n");
	return writer->status;
}

int facts_print_html(facts_output *output, void *context)
{
	struct facts_writer writer = {.output = output, .context = context};

	facts_put(&writer, "<nav>\n");
	facts_each_section(print_link, &writer);
	facts_put(&writer, "</nav>\n");
	facts_each_section(print_section, &writer);
	return writer.status;
}
