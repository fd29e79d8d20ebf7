#!/usr/bin/env bash
# Starts the service and one worker for its library from this checkout, in one process group; both end with it.
# One server process, unless the environment or .env says otherwise: the event loop only orchestrates, the work is done
# by tools.
set -euo pipefail
cd "$(dirname "$0")/.."

setting() { # NAME DEFAULT: from the environment, else .env, else the default
    local value="${!1:-}"
    [ -n "$value" ] || value="$(sed -nE "s/^[[:space:]]*(export[[:space:]]+)?$1=//ip" .env 2>/dev/null | tail -n 1)"
    value="${value%\"}" && value="${value#\"}" && value="${value%\'}" && value="${value#\'}"
    echo "${value:-$2}"
}

WORKERS="$(setting WORKERS 1)"
export WORKERS
case "$(setting HOST 127.0.0.1)" in
    127.* | localhost | ::1)
        # Only who is on this machine can reach it: a secret for this run spares the first try of /api/v1 all setting up.
        if [ -z "$(setting JWT_SECRET_KEY '')" ]; then
            folder="$(setting DATA_DIR data)"
            mkdir -p "$folder"
            JWT_SECRET_KEY="$(head -c 48 /dev/urandom | base64 -w 0)"
            export JWT_SECRET_KEY
            (umask 077 && rm -f "$folder/jwt-secret" && echo "$JWT_SECRET_KEY" > "$folder/jwt-secret")
            # shellcheck disable=SC2016 # to be copied as it is
            echo '/api/v1 has a secret for this run; a token: T=$(.venv/bin/python -m scripts.token me)' >&2
        fi
        ;;
esac

.venv/bin/python main.py &
service=$!
worker=
ending=
end() {
    ending=1
    # shellcheck disable=SC2086 # there may be no worker
    kill -TERM "$service" $worker 2>/dev/null || true
}
trap end TERM INT HUP

# A worker that dies is started again, for as long as the service runs; meanwhile jobs wait.
code=
while [ -z "$ending$code" ]; do
    nice -n 5 .venv/bin/python worker.py &
    worker=$!
    status=0
    wait -n -p ended "$service" "$worker" || status=$?
    case "${ended:-}" in
        "$service") code=$status ;;
        "$worker") worker= && [ -n "$ending" ] || sleep 1 ;;
    esac
done
end
while [ -z "$code" ]; do # a second signal interrupts the waiting, too
    status=0
    wait "$service" || status=$?
    kill -0 "$service" 2>/dev/null || code=$status
done
while [ -n "$worker" ] && kill -0 "$worker" 2>/dev/null; do wait "$worker" || true; done
exit "$code"
