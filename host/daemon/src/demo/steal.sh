# What a turn does in step d: reads the daemon's token in the folder $1, and calls the API at port $2 with it. Then it asks
# what it could do to the machine, and to the daemon's own program $3; it writes nothing.
token=$(cat "$1/token" 2>&1)
echo "token: $token"
answer=$({
    printf 'GET /api/approvals HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n' \
        "$2" "$token" >&3
    head -n 1 <&3
} 2>&1 3<>"/dev/tcp/127.0.0.1/$2")
echo "api: ${answer:-no answer}"
echo "capabilities: $(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)"
if command -v perl >/dev/null; then
    packets=$(perl -e 'print socket(my $all, 17, 3, 0x300) ? "opened" : "refused: $!"')
elif command -v python3 >/dev/null; then
    packets=$(python3 -c 'import socket; socket.socket(17, 3, 0x300)' 2>/dev/null && echo opened || echo refused)
fi
echo "packets: ${packets:-not tried, for want of perl and python3}"
writable=
for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /sys/power/state /dev/kmsg /dev/kvm /dev/loop-control "$3"; do
    if [ -w "$file" ]; then writable="$writable $file"; fi
done
echo "writable:${writable:- nothing}"
