#!/bin/bash
# Succeeds when the server in this container is ready. The image has no curl, so bash asks itself.
set -u

port=${OCELLUS_OPERATIONS_ADDRESS##*:}
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
IFS=' ' read -r -t 4 _ status _ <&3 || exit 1
[[ $status == 200 ]]
