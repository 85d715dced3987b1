#!/usr/bin/perl
# Processes that open sockets, end, and leave their pids to others at once: whoever tells the owner of a socket has to be
# right about which of them it was. To be run in a pid namespace of its own.
#
#   pid-storm.pl LOG ALIVE SERVER_PORT [PID_MAX]
#
# Each process calls itself p<port> before it has any socket; listens on that port and connects to SERVER_PORT, always
# under the same two fds; writes `inode pid name` of both sockets and
# `:port pid name` of the connection to LOG; and ends after a while. Some put other sockets
# in the place of theirs again and again, some leave them to a child, some to a child that becomes another program. Every
# second one takes the pid of the one that has just ended. ALIVE of them run at a time. Prints a line when the first ones
# run, goes on until its stdin ends, and then prints how many there were.
use strict;
use warnings;
use Fcntl;
use Socket;
use POSIX ();

my ($log_path, $alive, $server_port, $pid_max) = @ARGV;
my ($first_port, $ports) = (20000, 4000);

sub write_file {
    my ($path, $text) = @_;
    open(my $file, '>', $path) or return;
    syswrite($file, $text);
    close($file);
}

sub inode_of {
    my ($socket) = @_;
    return readlink('/proc/self/fd/' . fileno($socket)) =~ /(\d+)/ ? $1 : die;
}

# How long a process lives: most of them for less than a scan takes, some for several.
sub lifetime {
    my $kind = rand();
    return $kind < 0.6 ? rand(0.005) : $kind < 0.9 ? 0.02 + rand(0.08) : 0.3 + rand(0.4);
}

# Port of a socket's own end; 0 while it has none.
sub port_of {
    my ($port) = sockaddr_in(getsockname($_[0]));
    return $port;
}

# Says who holds the sockets, by their inodes and, as :port, by what they are connected from.
sub write_down {
    my ($log, $name, @sockets) = @_;
    my @names = map { (inode_of($_), ':' . port_of($_)) } @sockets;
    syswrite($log, join('', map { "$_ $$ $name\n" } @names));
}

# A listener and a client, under the two lowest fds that are free. $^F keeps them open across exec.
sub open_sockets {
    my ($log, $port) = @_;
    local $^F = 255;
    socket(my $listener, PF_INET, SOCK_STREAM, 0) or die;
    setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
    socket(my $client, PF_INET, SOCK_STREAM, 0) or die;
    # Ends without a trace, so that the port can be used again.
    setsockopt($client, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
    syswrite($log, inode_of($_) . " $$ $0\n") for ($listener, $client);
    bind($listener, sockaddr_in($port, INADDR_LOOPBACK)) or POSIX::_exit(0);
    listen($listener, 1) or die;
    connect($client, sockaddr_in($server_port, INADDR_LOOPBACK)) or die "connect: $!";
    write_down($log, $0, $client);
    return ($listener, $client);
}

sub live {
    my ($log, $port) = @_;
    $0 = "p$port";
    my @sockets = open_sockets($log, $port);
    my $kind = rand();
    if ($kind < 0.2) {
        for (1 .. 5) {
            close($_) for splice(@sockets);
            @sockets = open_sockets($log, $port + $ports);
            select(undef, undef, undef, rand(0.01));
        }
    } elsif ($kind < 0.4 && !fork()) {
        write_down($log, $0, @sockets);
        if ($kind > 0.3) {
            write_down($log, 'sleep', @sockets);
            exec('sleep', '0.05');
        }
    }
    select(undef, undef, undef, lifetime());
    POSIX::_exit(0);
}

write_file('/proc/sys/kernel/pid_max', $pid_max) if $pid_max;
sysopen(my $log, $log_path, O_WRONLY | O_APPEND | O_CREAT) or die "$log_path: $!";
fcntl($log, F_SETFD, FD_CLOEXEC);
fcntl(STDIN, F_SETFL, fcntl(STDIN, F_GETFL, 0) | O_NONBLOCK);
$| = 1;
pipe(my $over, my $living) or die;
my ($born, $running, $last_ended) = (0, 0, 0);
while (1) {
    while ($running >= $alive) {
        $last_ended = waitpid(-1, 0);
        $running--;
    }
    write_file('/proc/sys/kernel/ns_last_pid', $last_ended - 1) if $last_ended > 1 && $born % 2;
    my $child = fork();
    if (!defined $child) { select(undef, undef, undef, 0.01); next; }
    live($log, $first_port + $born % $ports) if $child == 0;
    $running++;
    print "up\n" if ++$born == $alive;
    last if $born % 16 == 0 && defined(my $got = sysread(STDIN, my $bytes, 1));
}
# Children of those that have ended are init's: all are over, or another program, when nobody holds the other end.
close($living);
1 while sysread($over, my $nothing, 1);
print "$born\n";
