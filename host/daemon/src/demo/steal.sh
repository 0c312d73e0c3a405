# What a turn does in step d: reads the daemon's token in the folder $1, and calls the API at port $2 with it.
token=$(cat "$1/token" 2>&1)
echo "token: $token"
answer=$({
    printf 'GET /api/approvals HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n' \
        "$2" "$token" >&3
    head -n 1 <&3
} 2>&1 3<>"/dev/tcp/127.0.0.1/$2")
echo "api: ${answer:-no answer}"
