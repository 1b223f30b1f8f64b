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

# The suites whose nats-server is a peer beside this system's own one; tests/support/cluster.py
# names the versions.
# shellcheck disable=SC2034
LATER_SUITES=(trixie sid)

# The same of another suite, unpacked under build/peers/SUITE. apt works on lists of its own there,
# with the address that the system's sources have; it checks the signatures and leaves the
# system's lists alone.
fetch_later_server() {
    local suite=$1 folder=$PWD/build/peers/$1 uri apt

    [[ -x $folder/usr/sbin/nats-server ]] && return
    uri=$(debian_uri) || return
    rm -rf "$folder"
    mkdir -p "$folder"/apt/{lists,cache/archives}/partial
    printf 'deb [target=Packages signed-by=%s] %s %s main\n' \
        /usr/share/keyrings/debian-archive-keyring.gpg "$uri" "$suite" >"$folder/apt/sources.list"
    apt=(apt-get -q -o Acquire::Retries=1 -o "Dir::Etc::sourcelist=$folder/apt/sources.list"
        -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$folder/apt/lists"
        -o Dir::State::status=/dev/null -o "Dir::Cache=$folder/apt/cache")
    (
        cd "$folder" && "${apt[@]}" update && "${apt[@]}" download nats-server &&
            dpkg-deb -x nats-server_*.deb . && rm -rf apt
    )
}

# Where this system gets Debian's own packages from, in whichever form its sources say it.
debian_uri() {
    local codename
    # shellcheck disable=SC1091
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
    # shellcheck disable=SC2016 # the format is apt's, not the shell's
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v codename="$codename" '
            $1 == codename && $2 == "main" { print $3; found = 1; exit }
            END { if (!found) print "no source of Debian " codename " main" >"/dev/stderr"
                  exit !found }'
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
