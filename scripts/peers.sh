# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests talk to besides our own programs; sourced by ./check in the project's root.
# Each part may fail for want of a network; the tests that need it are then skipped.

# Debian's nats-server, unpacked under build/peers. It is never installed: the package starts a
# service on port 4222 and puts its binary into PATH.
fetch_reference_server() {
    local folder=build/peers

    [[ -x $folder/usr/sbin/nats-server ]] && return
    mkdir -p "$folder"
    (
        cd "$folder" && rm -f nats-server_*.deb &&
            { apt-get -q download nats-server ||
                { apt-get -q update && apt-get -q download nats-server; }; } &&
            dpkg-deb -x nats-server_*.deb .
    )
}

# The official JavaScript clients, as the lock file has them.
fetch_js_clients() {
    local folder=tests/interop/js

    [[ $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]] && return
    (cd "$folder" && { npm ci --no-progress || npm ci --no-progress; })
}

# True where a node is that the clients support, together with its npm.
have_node() {
    local version

    command -v npm >/dev/null && version=$(node --version 2>/dev/null) || return 1
    version=${version#v}
    ((${version%%.*} >= 18))
}
