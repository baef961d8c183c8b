# SPDX-License-Identifier: BSD-2-Clause
package Conform::Configuration;

# All cases under one configuration of a VMM, in as many boots as that takes: when the VMM crashes, hangs or ends
# early, the case that was running has failed, and a new boot goes on with the next one.

use v5.36;
use Conform::Boot;
use Time::HiRes qw(time);

use constant HOPELESS => 3;	# boots in a row without a single result

# Options: settings (of the run), name, words (for this configuration's guest), serve (the adapter can), fresh (a failure is followed by a new boot, but where it is only known to wait), and report: called with each message
# for who collects: { type => plan | result | note | done, ... }.
sub new ($class, %options) {
	return bless { boots => 0, %options }, $class;
}

sub boot ($self, $receive, @words) {
	my $settings = $self->{settings};
	my $list = grep { $_ eq 'conform.list=1' } @words;
	# One in which nothing runs neither counts nor is kept.
	$self->{boots}++ unless $list;
	my $boot = Conform::Boot->new(
		vmm => $settings->{vmm}, config => $self->{name}, serve => $self->{serve}, image => $settings->{image}, timeout => $settings->{timeout},
		words => [ 'run=conform', 'conform.host=1', "conform.config=$self->{name}", @{ $settings->{words} }, @{ $self->{words} }, @words ],
		out => defined $settings->{out} && !$list ? "$settings->{out}/$self->{name}/boot-$self->{boots}" : undef,
		list => $list,
	);
	return $boot->run($receive);
}

# The cases that would run, by number; what the end of that boot was.
sub list ($self) {
	return $self->{list} if $self->{list};
	my %cases;
	my $end = $self->boot(sub ($thing) { $cases{ $thing->{number} } = $thing if $thing->{type} eq 'case'; return }, 'conform.list=1');
	$self->{list_end} = $end;
	return $self->{list} = \%cases;
}

sub run ($self) {
	my $settings = $self->{settings};
	my $started  = time;
	my ($first, $last) = (1, undef);
	my $skipped;
	# Before the cases: a boot within a boot would take the machine from them.
	if ($settings->{shards} || $settings->{details}) {
		$self->list;
		$skipped = $self->{list_end}{text} if $self->{list_end}{how} eq 'unavailable';
	}
	if ($settings->{shards}) {
		my $total = keys %{ $self->list };
		$first   = int(($settings->{shard} - 1) * $total / $settings->{shards}) + 1;
		$last    = int($settings->{shard} * $total / $settings->{shards});
		$self->message(type => 'plan', total => $last - $first + 1) unless defined $skipped;
	}
	my (@failed, @unknown);
	$skipped //= $self->run_rounds($first, $last, sub ($result) {
		# Those that may yet pass wait; so do those whose clauses are not known, and, to keep the order, all behind them.
		if ($settings->{retries} && $result->{verdict} eq 'failed') {
			push @failed, $result;
		} elsif (@unknown || $settings->{expected}->wants_clauses($result)) {
			push @unknown, $result;
		} else {
			$self->message(%$result);
		}
	});
	$self->message(%{ $self->with_clauses($_) }) for @unknown;
	for my $result (@failed) {
		$self->retry($result);
		$self->message(%$result);
	}
	$self->message(type => 'done', boots => $self->{boots}, seconds => time - $started, skipped => $skipped);
	return;
}

# Runs them as often as was asked for, where a boot for each time is wanted: what a back end outside the VMM keeps from one
# case to the other is over with it only. A verdict is what it was each time, or a failure.
sub run_rounds ($self, $first, $last, $keep) {
	my $rounds = $self->{fresh} && $self->{settings}{repeat} || 1;
	return $self->run_range($first, $last, $keep) if $rounds == 1;
	my (%kept, %times);
	for (1 .. $rounds) {
		my $skipped = $self->run_range($first, $last, sub ($result) {
			my $number = $result->{number};
			$times{$number}{ $result->{verdict} }++;
			# A failure says most.
			$kept{$number} = $result if !$kept{$number} || $result->{verdict} eq 'failed';
		});
		return $skipped if defined $skipped;
	}
	for my $number (sort { $a <=> $b } keys %kept) {
		my ($result, $times) = ($kept{$number}, $times{$number});
		if (keys %$times > 1) {
			$result->{flaky} = join ', ', map { "$_ $times->{$_} times" } sort keys %$times;
			$result->{verdict} = 'failed';
		}
		$keep->($result);
	}
	return;
}

# Runs cases $first to $last (undef: all). Returns why this configuration cannot be, or undef.
sub run_range ($self, $next, $last, $keep) {
	my ($total, $hopeless) = (undef, 0);
	my $since;	# the last verdict, or the begin of this boot
	while ($next <= ($last // $total // $next)) {
		my $before = $next;
		$since = time;
		my $end = $self->boot(sub ($thing) {
			if ($thing->{type} eq 'plan') {
				$self->message(type => 'plan', total => $thing->{total}) unless defined $last || defined $total;
				$total = $thing->{total};
			} elsif ($thing->{type} eq 'result') {
				$keep->($self->lost($next++, 'the guest printed no result')) while $next < $thing->{number};
				return if $thing->{number} < $next;
				$next++;
				$thing->{seconds} = $thing->{at} - $since;
				$since = $thing->{at};
				$keep->($self->complete($thing));
				return 'stop' if defined $last && $next > $last;
				return 'stop' if $self->{fresh} && $thing->{verdict} eq 'failed' && $next <= $total && !$self->{settings}{expected}->harmless($thing);
			}
			return;
		}, $next > 1 ? "conform.from=$next" : ());
		return $end->{text} if $end->{how} eq 'unavailable' && !defined $total;
		next if $end->{how} eq 'stopped';
		if ($end->{how} eq 'end') {
			my $until = $last // $total // 0;
			$keep->($self->lost($next++, 'the guest printed no result')) while $next <= $until;
			last;
		}
		# All cases have their verdict, and yet it did not end well.
		if (defined $total && $next > $total) {
			$keep->($self->lost($next, $end->{text}, $end, 'end_of_run'));
			last;
		}
		$hopeless = $next == $before ? $hopeless + 1 : 0;
		if (!defined $total || $hopeless >= HOPELESS) {
			$keep->($self->lost($next, $end->{text}, $end, defined $total ? undef : 'start_of_run'));
			$self->message(type => 'note', text => "$self->{name}: given up at case $next" . (defined $total ? " of $total" : ''));
			last;
		}
		$keep->($self->lost($next++, $end->{text}, $end));
	}
	return;
}

# The result of a case that could not give its own.
sub lost ($self, $number, $text, $end = undef, $name = undef) {
	# The name is in the list; that boot needs a VMM that starts.
	my $case   = defined $name ? {} : $self->list->{$number} // {};
	my %result = (
		type => 'result', number => $number, verdict => 'failed', directive => '', reason => '',
		case => $name // $case->{case} // "case_$number", device => $case->{device} // '-',
		configuration => $self->{name}, claim => $case->{claim} // 'the guest and the VMM live on',
		clauses => $case->{clauses} // [], seen => $text, yaml => [],
	);
	$result{is} = $self->{is}{ $result{device} };
	push @{ $result{yaml} }, 'clauses:', map { "  - $_" } @{ $result{clauses} } if @{ $result{clauses} };
	push @{ $result{yaml} }, 'expected: the case ends with a verdict', 'seen: "' . ($text =~ s/[\\"]/\\$&/gr) . '"';
	if ($end && $end->{how} eq 'crash') {
		$result{security} = 'what a guest does must not crash the VMM';
		push @{ $result{yaml} }, "security: $result{security}";
	}
	my @messages = $end ? split /\n/, $end->{messages} : ();
	splice @messages, 0, @messages - 8 if @messages > 8;
	push @{ $result{yaml} }, 'stderr: |', map { '  ' . s/[^ -~]/?/gr } @messages if @messages;
	return \%result;
}

# Adds what only the runner knows.
sub complete ($self, $result) {
	$self->{is}{ $result->{device} } //= $result->{is};
	$result->{configuration} = $self->{name} if $result->{configuration} eq '-';
	return $self->{settings}{details} ? $self->with_clauses($result) : $result;
}

# TAP has no clauses of what passed; the list has.
sub with_clauses ($self, $result) {
	return $result if @{ $result->{clauses} };
	my $case = $self->list->{ $result->{number} };
	$result->{clauses} = $case->{clauses} if $case;
	return $result;
}

# Once more, alone in its boot. A verdict that changes is reported as that.
sub retry ($self, $result) {
	return if $result->{case} =~ /^(?:start|end)_of_run$/;
	for my $attempt (1 .. $self->{settings}{retries}) {
		my $again;
		$self->run_range($result->{number}, $result->{number}, sub ($new) { $again = $new });
		next if !$again || $again->{verdict} eq 'failed';
		@$result{qw(verdict reason)} = @$again{qw(verdict reason)};
		$result->{flaky} = "failed, then $again->{verdict} in attempt " . ($attempt + 1);
		last;
	}
	return;
}

sub message ($self, %message) {
	$self->{report}->(\%message);
	return;
}

1;
