#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The ways out: panics with their reports, exit=, panic=, reboot, machines without isa-debug-exit.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(until_true);
use Test::More;

my %crashes = (
	null    => qr/page fault at 0x8: null pointer, in \w+\+0x[0-9a-f]+$/m,
	stack   => qr/(?:page|double) fault.*stack overflow: guard page hit, in recurse\+0x[0-9a-f]+$/m,
	'boot-stack' => qr/(?:page|double) fault.*stack overflow: guard page hit, in recurse\+0x[0-9a-f]+$/m,
	text    => qr/page fault at 0x[0-9a-f]+: write to read-only memory, in \w+\+0x[0-9a-f]+$/m,
	rodata  => qr/page fault at 0x[0-9a-f]+: write to read-only memory, in \w+\+0x[0-9a-f]+$/m,
	execute => qr/page fault at 0x[0-9a-f]+: jump to what is not code, in \S+$/m,
	overrun => qr/the stack was overwritten: a function wrote beyond its own$/m,
	panic   => qr/as you asked$/m,

	# QEMU's emulated CPU has what these want.
	'user-execute' => qr/page fault at 0x400000: jump to a page of the user's, in \S+$/m,
	'user-read'    => qr/page fault at 0x400000: access to a page of the user's, in \w+\+0x[0-9a-f]+$/m,
);

for my $machine (qw(microvm q35)) {
	for my $kind (sort keys %crashes) {
		scenario("$machine, crash $kind", { machine => $machine, cpus => 2, cpu => 'max' }, sub ($vm) {
			my $label = $vm->{label};
			leaves_with($vm, 5, "crash $kind");
			my $console = $vm->console;
			like($console, qr/^ringside: panic: $crashes{$kind}/m, "$label: says what and where");
			my $thread = $kind eq 'boot-stack' ? 'idle' : 'job';
			like($console, qr/^ringside \S+ \S+, CPU 0, thread $thread$/m, "$label: says which image, CPU and thread");
			like($console, qr/^rip [0-9a-f]{16} rsp [0-9a-f]{16} /m, "$label: shows the registers") unless $kind =~ /^(?:panic|overrun)$/;
			my ($trace) = $console =~ /^stack trace:\n((?:  [0-9a-f]{16} \S+\n)+)/m;
			my $caller = { stack => 'recurse', 'boot-stack' => 'recurse', execute => 'command_run_line', 'user-execute' => 'command_run_line', overrun => '__stack_chk_fail' }->{$kind} // 'command_crash';
			like($trace, qr/ \Q$caller\E\+0x/, "$label: the stack trace names $caller");
			like($console, qr/^called from:\n  [0-9a-f]{16} command_crash\+0x/m, "$label: and who called, who has no frame yet")
			  if $kind =~ /execute/;
			like($console, qr/^ringside: exit 2: panic\n\z/m, "$label: the last line is the status in words");
		});
	}
	my %stuck = (
		spin => qr/CPU 0 is stuck: thread job has not paused for 2 s, in spin\+0x[0-9a-f]+$/m,
		deaf => qr/non-maskable interrupt: this CPU is stuck, and takes no interrupts, in spin\+0x[0-9a-f]+$/m,
	);
	for my $kind (sort keys %stuck) {
		scenario("$machine, crash $kind", { machine => $machine, cpus => 2, append => 'watchdog=2' }, sub ($vm) {
			leaves_with($vm, 5, "crash $kind");
			like($vm->console, qr/^ringside: panic: $stuck{$kind}/m, "$vm->{label}: is found out, and where it was");
			like($vm->console, $kind eq 'deaf' ? qr/, CPU 1, thread deaf$/m : qr/, CPU 0, thread job$/m, "$vm->{label}: which CPU and thread");
		});
	}
	scenario("$machine, panic=halt", { machine => $machine, append => 'panic=halt' }, sub ($vm) {
		$vm->command_last('crash panic');
		$vm->wait_for(qr/^ringside: halted: panic\n/m);
		is($vm->qmp->execute('query-status')->{status}, 'running', "$vm->{label}: stands still, and QEMU goes on");
	});
	scenario("$machine, panic=reboot", { machine => $machine, append => 'panic=reboot' }, sub ($vm) {
		leaves_with($vm, 0, 'crash panic');    # -no-reboot makes that an end
		like($vm->console, qr/^ringside: reboot\n\z/m, "$vm->{label}: says so last");
	});
	scenario("$machine, reboot", { machine => $machine }, sub ($vm) {
		leaves_with($vm, 0, 'reboot');
		like($vm->console, qr/^ringside: reboot\n\z/m, "$vm->{label}: says so last");
	});
	scenario("$machine, no isa-debug-exit", { machine => $machine, no_debug_exit => 1 }, sub ($vm) {
		leaves_with($vm, 0, 'crash panic');
		like($vm->console, qr/^ringside: exit 2: panic\n\z/m, "$vm->{label}: the last line is what tells");
	});
}

# The power button, which the monitor presses, and libvirt; with each firmware.
for my $case (
	[ 'pc',          machine => 'pc' ],
	[ 'pc, qboot',   machine => 'pc', bios => 'qboot.rom' ],
	[ 'q35',         machine => 'q35', cpus => 2 ],
	[ 'q35, qboot',  machine => 'q35', bios => 'qboot.rom' ],
	[ 'q35, UEFI',   machine => 'q35', boot => 'efi-kernel', ovmf => 1 ]) {
	my ($name, %options) = @$case;
	scenario("$name, power button", { %options }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_prompt;
		like($vm->command('interrupts'), qr/ line \d+ level(?: low)? +0  power button$/m, "$label: it has its interrupt, and nobody has pressed it");
		$vm->qmp->execute('system_powerdown');
		is($vm->wait_exit, 0, "$label: ends QEMU with status 0");
		like($vm->console, qr/the power button was pressed\n.*ringside: exit 0: success\n\z/s, "$label: says so last");
	});
}
# Its registers are known to methods of AML only, which nobody runs.
scenario('microvm, power button', { machine => 'microvm' }, sub ($vm) {
	$vm->wait_prompt;
	unlike($vm->command('interrupts'), qr/power button/, "$vm->{label}: there is none that we know");
	$vm->qmp->execute('system_powerdown');
	like($vm->command('help'), qr/poweroff/, "$vm->{label}: the guest goes on");
	leaves_with($vm, 0);
});

# A real reboot: the same image comes up again.
scenario('q35, comes up again', { machine => 'q35', reboots => 1 }, sub ($vm) {
	$vm->wait_ready;
	$vm->command_last('reboot');
	$vm->wait_for(qr/ringside: reboot\n.*?ringside: ready \S+ in/s);
	pass("$vm->{label}: ready a second time");
	leaves_with($vm, 0);
});

scenario('microvm, exit=halt', { machine => 'microvm', append => 'run=selftest exit=halt' }, sub ($vm) {
	$vm->wait_for(qr/^ringside: halted: success\n/m);
	is($vm->qmp->execute('query-status')->{status}, 'running', "$vm->{label}: QEMU goes on after the job's end");
});
scenario('microvm, exit=reboot', { machine => 'microvm', append => 'run=selftest exit=reboot' }, sub ($vm) {
	is($vm->wait_exit, 0, "$vm->{label}: QEMU ends");
	like($vm->console, qr/^ringside: reboot\n\z/m, "$vm->{label}: by a reboot");
});

done_testing;
