/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot scripts: the language, its limits, and scripts in the form in which boot servers serve them. */
#include "net/netboot/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the script did, one line each; and the files that there are. */
static char journal[8192];
static struct settings settings;
static struct script script;
static unsigned int interruptions; /* the n-th question is answered with yes; 0: none */

struct served {
	const char *url;
	const char *text; /* NULL: a kernel */
};
static const struct served *served;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
	size_t used = strlen(journal);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(journal + used, sizeof(journal) - used, format, arguments);
	va_end(arguments);
}

static const struct served *find(const char *url)
{
	for (const struct served *file = served; file && file->url; file++)
		if (!strcmp(file->url, url))
			return file;
	return NULL;
}

static int do_fetch(void *context, const struct script_image *image)
{
	(void)context;
	note("%s %s %s [%s]\n", image->initrd ? "initrd" : "kernel", image->name, image->url,
	     image->arguments);
	return strstr(image->url, "missing") ? -ENOENT : 0;
}

static int do_chain(void *context, const struct script_image *image, char **text, size_t *length,
		    char url[static SCRIPT_URL_MAX])
{
	const struct served *file = find(image->url);

	(void)context;
	note("chain %s [%s]\n", image->url, image->arguments);
	if (!file)
		return -ENOENT;
	if (!file->text)
		return -ENOEXEC;
	*text = strdup(file->text);
	*length = strlen(file->text);
	strcpy(url, image->url);
	return 0;
}

static int do_arguments(void *context, const char *name, const char *arguments)
{
	(void)context;
	note("args %s [%s]\n", name, arguments);
	return 0;
}

static int do_drop(void *context, const char *name)
{
	(void)context;
	note("free %s\n", name ? name : "all");
	return 0;
}

static bool do_has(void *context, const char *name)
{
	(void)context;
	return !strcmp(name, "vmlinuz");
}

static int do_verify(void *context, const char *name, const char *hex)
{
	(void)context;
	note("verify %s %s\n", name, hex);
	return 0;
}

static void do_list(void *context)
{
	(void)context;
	note("list\n");
}

static int do_boot(void *context)
{
	(void)context;
	note("boot\n");
	return -ENOEXEC; /* it came back */
}

static int do_dhcp(void *context, unsigned int count, char *const *names)
{
	(void)context;
	note("dhcp");
	for (unsigned int i = 0; i < count; i++)
		note(" %s", names[i]);
	note("\n");
	return count && !strcmp(names[0], "net0") ? -ETIMEDOUT : 0;
}

static void do_print(void *context, const char *text)
{
	(void)context;
	note("%s", text);
}

static int do_sleep(void *context, uint64_t milliseconds)
{
	(void)context;
	note("sleep %u\n", (unsigned int)milliseconds);
	return 0;
}

static int do_shell(void *context)
{
	(void)context;
	note("shell\n");
	return 0;
}

static int do_leave(void *context, bool reboot)
{
	(void)context;
	note("%s\n", reboot ? "reboot" : "poweroff");
	return 0;
}

static bool is_interrupted(void *context)
{
	(void)context;
	return interruptions && !--interruptions;
}

static const struct script_operations operations = {do_fetch, do_chain,	     do_arguments, do_drop,
						    do_has,   do_verify,     do_list,	   do_boot,
						    do_dhcp,  do_print,	     do_sleep,	   do_shell,
						    do_leave, is_interrupted};

/* A machine of one interface. */
static bool machine(void *context, const char *scope, const char *name, struct setting *setting)
{
	static const uint8_t mac[] = {0x52, 0x54, 0x00, 0x12, 0x34, 0xab}, ip[] = {10, 0, 2, 15};
	static const uint8_t uuid[16] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0,
					 1,    2,    3,	   4,	 5,    6,    7,	   8};

	(void)context;
	if (scope[0] && strcmp(scope, "net0") && strcmp(scope, "netX"))
		return false;
	if (!strcmp(name, "mac"))
		setting_bytes(setting, SETTING_HEX, mac, sizeof(mac));
	else if (!strcmp(name, "ip"))
		setting_bytes(setting, SETTING_IPV4, ip, sizeof(ip));
	else if (!strcmp(name, "uuid"))
		setting_bytes(setting, SETTING_UUID, uuid, sizeof(uuid));
	else if (!strcmp(name, "product"))
		setting_string(setting, "Standard PC (Q35)");
	else
		return false;
	return true;
}

static int set_up(void **state)
{
	(void)state;
	journal[0] = '\0';
	served = NULL;
	interruptions = 0;
	memset(&settings, 0, sizeof(settings));
	settings.machine = machine;
	script = (struct script){.operations = &operations, .settings = &settings};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	settings_clear_all(&settings);
	return 0;
}

/* In memory of exactly its length, so that the sanitizer sees a byte too far. */
static int run_at(const char *text, const char *url)
{
	size_t length = strlen(text);
	char *copy = malloc(length ? length : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, length);
	result = script_run(&script, copy, length, url);
	free(copy);
	return result;
}

static int run(const char *text)
{
	return run_at(text, "http://10.0.0.1/dir/boot.ipxe");
}

#define SCRIPT "#!ipxe\n"

static void runs_what_matchbox_serves(void **state)
{
	static const struct served files[] = {
		{"http://10.0.0.1/ipxe?uuid=12345678-9abc-def0-0102-030405060708&mac="
		 "52-54-00-12-34-ab&domain=&hostname=&serial=",
		 SCRIPT "kernel /assets/os/1.2/vmlinuz initrd=main console=ttyS0 "
			"config=http://10.0.0.1/ignition?uuid=${uuid}&mac=${mac:hexhyp}\n"
			"initrd --name main /assets/os/1.2/initramfs.img\nboot\n"},
		{NULL, NULL}};

	(void)state;
	served = files;
	assert_int_equal(run_at(SCRIPT "chain ipxe?uuid=${uuid}&mac=${mac:hexhyp}&domain=${domain}"
				       "&hostname=${hostname}&serial=${serial}\n",
				"http://10.0.0.1/boot.ipxe"),
			 -ENOEXEC);
	assert_non_null(strstr(
		journal,
		"kernel vmlinuz http://10.0.0.1/assets/os/1.2/vmlinuz [initrd=main console=ttyS0 "
		"config=http://10.0.0.1/ignition?uuid=12345678-9abc-def0-0102-030405060708&mac="
		"52-54-00-12-34-ab]\ninitrd main http://10.0.0.1/assets/os/1.2/initramfs.img []\n"
		"boot\n"));
}

/* Tries each interface in turn, and asks the server by its hardware address. */
static void runs_what_foreman_serves(void **state)
{
	static const char text[] =
		SCRIPT "# looks for an interface\n:net0\n"
		       "isset ${net0/mac} || goto no_nic\ndhcp net0 || goto net1\n"
		       "chain http://foreman/unattended/iPXE?mac=${net0/mac} || goto net1\nexit 0\n"
		       ":net1\nisset ${net1/mac} || goto no_nic\ndhcp net1 || goto net2\n"
		       "chain http://foreman/unattended/iPXE?mac=${net1/mac} || goto net2\nexit 0\n"
		       ":net2\n:no_nic\necho Failed to chainload from any network interface\n"
		       "sleep 30\nexit 1\n";
	static const char host[] = SCRIPT
		"kernel http://mirror/vmlinuz initrd=initrd.img ks=http://foreman/unattended/"
		"provision?token=a-b ksdevice=bootif network kssendmac "
		"BOOTIF=01-${netX/mac:hexhyp}\ninitrd http://mirror/initrd.img\nimgstat\n"
		"sleep 2\nboot\n";

	(void)state;
	assert_int_equal(run(text), 1);
	assert_string_equal(journal, "dhcp net0\nFailed to chainload from any network interface\n"
				     "sleep 30000\n");
	journal[0] = '\0';
	assert_int_equal(run(host), -ENOEXEC);
	assert_non_null(strstr(journal, "kssendmac BOOTIF=01-52-54-00-12-34-ab]\ninitrd initrd.img "
					"http://mirror/initrd.img []\nlist\nsleep 2000\nboot\n"));
}

static void joints_are_those_of_a_shell(void **state)
{
	(void)state;
	assert_int_equal(run(SCRIPT "iseq a a && echo yes || echo no\n"
				    "iseq a b && echo yes || echo no\n"
				    "iseq a b || iseq c c && echo second\n"
				    "iseq a b && echo never ||\n"
				    "echo one ; echo two # echo three\n"
				    "isset ${nothing} || echo ${nothing}unset\n"),
			 0);
	assert_string_equal(journal, "yes\nno\nsecond\none\ntwo\nunset\n");
	/* Without "||" the script ends, and says where. */
	assert_int_equal(run(SCRIPT "\niseq a b && echo x\necho never\n"), -ECANCELED);
	assert_non_null(strstr(script.error, "boot.ipxe, line 3: a condition is not true"));
}

static void an_unknown_command_stops_with_its_line(void **state)
{
	(void)state;
	assert_int_equal(run(SCRIPT "echo one\n\nfrobnicate x || echo never\necho never\n"),
			 -EINVAL);
	assert_string_equal(journal, "one\n");
	assert_string_equal(script.error, "http://10.0.0.1/dir/boot.ipxe, line 4: unknown command "
					  "\"frobnicate\"");
	assert_int_equal(run(SCRIPT "kernel\n"), -EINVAL);
	assert_non_null(strstr(script.error, "line 2: expected: kernel "));
	assert_int_equal(run(SCRIPT "goto nowhere\n"), -EINVAL);
	assert_non_null(strstr(script.error, "no such label"));
	assert_int_equal(run(SCRIPT "echo ${a:float}\n"), -EINVAL);
	assert_non_null(strstr(script.error, "${a:float}"));
}

static void settings_are_written_as_asked(void **state)
{
	(void)state;
	assert_int_equal(run(SCRIPT
			     "echo ${mac} ${net0/mac:hexhyp} ${netX/mac:hexraw} ${ip} ${ip:hex}\n"
			     "echo ${product:uristring} ${uuid}\n"
			     "set which net0\nset text two  words\necho ${${which}/ip} ${text}\n"
			     "set n:int32 -1\ninc n\ninc n 0x10\necho ${n} ${n:uint32} ${n:hex}\n"
			     "set mac aa\necho ${mac} ${net0/mac}\nclear mac\necho [${mac}]\n"
			     "set text\necho [${text}]${unclosed ${}\n"),
			 0);
	assert_string_equal(
		journal, "52:54:00:12:34:ab 52-54-00-12-34-ab 5254001234ab 10.0.2.15 0a:00:02:0f\n"
			 "Standard%20PC%20%28Q35%29 12345678-9abc-def0-0102-030405060708\n"
			 "10.0.2.15 two words\n16 0x10 00:00:00:10\n"
			 "aa 52:54:00:12:34:ab\n[]\n[]${unclosed \n");
}

/* An empty value stays a word of its own; one with blanks stays one word. */
static void words_are_separated_before_settings_are_replaced(void **state)
{
	(void)state;
	assert_int_equal(run(SCRIPT "iseq ${nothing} ${nothing} && echo same\n"
				    "set two a b\niseq ${two} ${two} && echo one word\n"
				    "set or ||\nset pipe x${or}y\necho ${pipe} \"quoted\"\n"),
			 0);
	assert_string_equal(journal, "same\none word\nxy \"quoted\"\n");
}

static void lines_are_joined_and_endings_are_any(void **state)
{
	(void)state;
	assert_int_equal(run("#!ipxe\r\necho one \\\r\n  two\r\n\r\n  :label\r\necho th\\\nree"),
			 0);
	assert_string_equal(journal, "one two\nthree\n");
}

static void urls_are_relative_to_the_script(void **state)
{
	(void)state;
	assert_int_equal(run_at(SCRIPT "kernel vmlinuz\nkernel ../up\nkernel /root?q\n"
				       "kernel //other/x\nkernel tftp://1.2.3.4/y a  b\n",
				"tftp://10.0.0.9/a/b/boot.ipxe"),
			 0);
	assert_string_equal(journal, "kernel vmlinuz tftp://10.0.0.9/a/b/vmlinuz []\n"
				     "kernel up tftp://10.0.0.9/a/up []\n"
				     "kernel root tftp://10.0.0.9/root?q []\n"
				     "kernel x tftp://other/x []\n"
				     "kernel y tftp://1.2.3.4/y [a b]\n");
}

static void a_file_that_fails_ends_the_script(void **state)
{
	(void)state;
	assert_int_equal(run(SCRIPT
			     "initrd missing || echo forgiven\nkernel missing\necho never\n"),
			 -ENOENT);
	assert_non_null(strstr(journal, "forgiven\n"));
	assert_null(strstr(journal, "never"));
	assert_non_null(strstr(script.error, "line 3: a command failed"));
}

static void chained_scripts_return(void **state)
{
	static const struct served files[] = {{"http://10.0.0.1/dir/good",
					       SCRIPT "set from ${from}good\n"},
					      {"http://10.0.0.1/dir/bad", SCRIPT "frobnicate\n"},
					      {"http://10.0.0.1/dir/exit3", SCRIPT "exit 3\n"},
					      {NULL, NULL}};

	(void)state;
	served = files;
	assert_int_equal(run(SCRIPT "set from very\nchain good\necho ${from}\n"
				    "chain bad || echo went on\nchain exit3 || echo three\n"
				    "chain --replace nothing || echo nothing\n"
				    "chain --replace exit3\necho never\n"),
			 3);
	assert_non_null(strstr(journal, "verygood\n"));
	/* What was wrong in it is told all the same. */
	assert_non_null(strstr(journal, "dir/bad, line 2: unknown command"));
	assert_non_null(strstr(journal, "went on\n"));
	assert_non_null(strstr(journal, "three\n"));
	assert_null(strstr(journal, "never"));
}

static void depth_and_circles_are_bounded(void **state)
{
	static const struct served files[] = {{"http://10.0.0.1/dir/self", SCRIPT "chain self\n"},
					      {NULL, NULL}};

	(void)state;
	served = files;
	assert_true(run(SCRIPT "chain self\n") < 0);
	assert_non_null(strstr(journal, "more than 8 scripts that begin each other"));
	assert_int_equal(run(SCRIPT ":again\ngoto again\n"), -ELOOP);
	assert_non_null(strstr(script.error, "the script goes in a circle"));
	/* One that waits in between goes on, until somebody has enough. */
	interruptions = 100000;
	assert_int_equal(run(SCRIPT ":again\ndhcp net0 ||\ngoto again\n"), -EINTR);
}

/* A script that replaces itself is no depth. */
static void replacing_is_not_nesting(void **state)
{
	static const struct served files[] = {
		{"http://10.0.0.1/dir/self",
		 SCRIPT "inc n\niseq ${n} 20 && exit 7 ||\nchain --replace self\n"},
		{NULL, NULL}};

	(void)state;
	served = files;
	assert_int_equal(run(SCRIPT "set n:int32 0\nchain --replace self\n"), 7);
}

static void sizes_are_bounded(void **state)
{
	char *text = malloc(SCRIPT_SIZE_MAX + 100);

	(void)state;
	assert_non_null(text);
	strcpy(text, SCRIPT "echo ");
	memset(text + strlen(text), 'x', SCRIPT_LINE_MAX);
	text[strlen(SCRIPT) + SCRIPT_LINE_MAX] = '\0';
	assert_int_equal(run(text), -E2BIG);
	assert_non_null(strstr(script.error, "line 2: longer than"));
	/* Through settings, too. */
	strcpy(text, SCRIPT "set a 0123456789012345678901234567890123456789\n"
			    "set b ${a}${a}${a}${a}${a}${a}${a}${a}\necho ");
	for (unsigned int i = 0; i < 40; i++)
		strcat(text, "${b}");
	assert_int_equal(run(text), -E2BIG);
	/* Words. */
	strcpy(text, SCRIPT "echo");
	for (unsigned int i = 0; i < SCRIPT_WORDS_MAX; i++)
		strcat(text, " x");
	assert_int_equal(run(text), -E2BIG);
	memset(text, '\n', SCRIPT_SIZE_MAX + 1);
	memcpy(text, SCRIPT, strlen(SCRIPT));
	assert_int_equal(script_run(&script, text, SCRIPT_SIZE_MAX + 1, "x:"), -E2BIG);
	memcpy(text, SCRIPT "echo a\0b", 14);
	assert_int_equal(script_run(&script, text, 14, "x:"), -EINVAL);
	free(text);
	/* A setting that names itself. */
	assert_int_equal(run(SCRIPT "set a ${\nset b a}\nset c ${a}${b}\necho ${c}\n"), 0);
	assert_int_equal(run("#!ipx"), -EINVAL);
	assert_int_equal(run(""), -EINVAL);
}

static void the_other_commands_do_what_they_say(void **state)
{
	(void)state;
	assert_int_equal(run(SCRIPT "imgargs vmlinuz a b\nimgfree vmlinuz\nimgfree\n"
				    "sha256 vmlinuz 00\necho -n no line\necho\nifopen net0\n"
				    "ifconf -c dhcp net1\npoweroff\nreboot\nshell\n"
				    "boot vmlinuz more args || exit\necho never\n"),
			 0);
	assert_string_equal(journal, "args vmlinuz [a b]\nfree vmlinuz\nfree all\n"
				     "verify vmlinuz 00\nno line\ndhcp net1\npoweroff\nreboot\n"
				     "shell\nargs vmlinuz [more args]\nboot\n");
	assert_int_equal(run(SCRIPT "sleep -1\n"), -EINVAL);
	assert_int_equal(run(SCRIPT "initrd x /in/side mode=755\n"), -EINVAL);
	assert_int_equal(run(SCRIPT "kernel --speed 9 x\n"), -EINVAL);
	assert_int_equal(run(SCRIPT "exit 300\n"), -EINVAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runs_what_matchbox_serves),
		TEST(runs_what_foreman_serves),
		TEST(joints_are_those_of_a_shell),
		TEST(an_unknown_command_stops_with_its_line),
		TEST(settings_are_written_as_asked),
		TEST(words_are_separated_before_settings_are_replaced),
		TEST(lines_are_joined_and_endings_are_any),
		TEST(urls_are_relative_to_the_script),
		TEST(a_file_that_fails_ends_the_script),
		TEST(chained_scripts_return),
		TEST(depth_and_circles_are_bounded),
		TEST(replacing_is_not_nesting),
		TEST(sizes_are_bounded),
		TEST(the_other_commands_do_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
