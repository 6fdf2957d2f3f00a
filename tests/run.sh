#!/usr/bin/env bash
# All checks; what is quick to fail comes first. `make test` calls it with the environment's bin on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

# The suite starts some hundred processes of the product: each would compile all of it anew.
unset PYTHONDONTWRITEBYTECODE

announce() { printf '\n== %s\n' "$*"; }

# Browser tests need a Chromium. Playwright's own download would come from another host, so the system's is used.
find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

install_chromium() {
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    announce "No Chromium here: installing it for the browser tests"
    local apt=(apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20)
    export DEBIAN_FRONTEND=noninteractive
    { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends chromium; } > /dev/null 2>&1 < /dev/null || true
  fi
}

# Types take one core for a minute or two, and the tests wait more than they compute: both at once. What is found is said
# at once, and counts at the end.
check_types() {
  local said code=0
  said=$(mypy 2>&1) || code=$?
  announce "mypy"
  printf '%s\n' "$said"
  return "$code"
}
check_types &
types=$!

announce "ruff check"
ruff check
announce "ruff format --check"
ruff format --check
announce "lint-imports"
lint-imports

find_chromium > /dev/null || install_chromium
if ! find_chromium > /dev/null; then
  announce "WARNING: no Chromium, so THE BROWSER TESTS ARE SKIPPED. Install it: apt-get install chromium"
fi

# Clients of the providers' protocols that others wrote check ours. They come from npm, pinned by their hashes.
clients=tests/providers/independent
if command -v npm > /dev/null && ! cmp -s "$clients/package-lock.json" "$clients/node_modules/.fetched"; then
  announce "Fetching the clients that others wrote from npm"
  if (cd "$clients" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1 --fetch-timeout=20000 < /dev/null); then
    cp "$clients/package-lock.json" "$clients/node_modules/.fetched"
  fi
fi
if [ ! -e "$clients/node_modules/.fetched" ]; then
  announce "WARNING: no npm, or it fetched nothing, so THE CHECKS BY CODE THAT OTHERS WROTE ARE SKIPPED. Install node 20 and npm."
fi

# Four workers for two cores: the tests wait for time-outs, servers and notifications longer than they compute. In the
# order of the folders, so that the long ones (e2e, faults) do not begin last.
announce "pytest"
failed=
pytest -n 4 --dist loadfile --no-loadscope-reorder "$@" < /dev/null || failed=yes
wait "$types" || failed=yes
[ -z "$failed" ]
