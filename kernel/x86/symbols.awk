# SPDX-License-Identifier: BSD-2-Clause
# Makes the table of function names for stack traces from `nm -n`: offsets from the start of the image,
# sorted, and beside each the place of its name.
BEGIN {
	print "\t.section .symbols, \"a\", @progbits\n\t.balign 8"
	print "\t.globl symbol_offsets, symbol_names, symbol_texts, symbol_count"
	print "symbol_offsets:"
}
$2 ~ /^[tT]$/ && $3 !~ /^\./ && $1 != last {
	last = $1
	name[count] = $3
	printf "\t.long 0x%s\n", substr($1, 9)
	count++
}
END {
	print "symbol_names:"
	for (i = 0; i < count; i++) {
		printf "\t.long %d\n", place
		place += length(name[i]) + 1
	}
	print "symbol_texts:"
	for (i = 0; i < count; i++)
		printf "\t.asciz \"%s\"\n", name[i]
	printf "\t.balign 8\nsymbol_count:\n\t.quad %d\n", count
	print "\t.section .note.GNU-stack, \"\", @progbits"
}
