# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What ./run and ./check share; sourced by them in the project's root.

# To build both programs. libcmocka-dev is here because ./run and ./check share build/release.
# shellcheck disable=SC2034
BUILD_PACKAGES=(gcc libc6-dev cmake ninja-build pkg-config libuv1-dev libjansson-dev libssl-dev
    libcrypt-dev libxxhash-dev libnats-dev libcmocka-dev)

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# quietly LOG COMMAND...: output to LOG; if the command fails, the end of it on the screen.
quietly() {
    local log=$1 status=0
    shift
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if ((status != 0)); then
        tail -n 40 "$log" >&2
        printf -- '-- status %d; all of it: %s\n' "$status" "$log" >&2
    fi
    return "$status"
}

# The packages among the arguments that are not installed, one a line.
missing_packages() {
    command -v dpkg-query >/dev/null || return 0 # not Debian: cmake will name what is missing
    # shellcheck disable=SC2016 # the format is dpkg's, not the shell's
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        awk 'BEGIN { for (i = 1; i < ARGC; i++) want[ARGV[i]]; ARGC = 1 }
             $1 == "installed" { delete want[$2] }
             END { for (name in want) print name }' "$@"
}

# The packages' lists may be absent (a fresh image) or old: they are fetched when the first
# attempt fails, and once more for a passing fault of the network.
apt_install() {
    local apt=("$@" env DEBIAN_FRONTEND=noninteractive apt-get -q -y
        -o DPkg::Lock::Timeout=120 -o Acquire::Retries=1)
    local install=("${apt[@]}" install --no-install-recommends "${missing[@]}")

    "${install[@]}" && return
    "${apt[@]}" update
    "${install[@]}" && return
    "${apt[@]}" update
    "${install[@]}"
}

# need_packages NAME...: installs what is missing, or says what to type and ends the script.
need_packages() {
    local missing become=()

    mapfile -t missing < <(missing_packages "$@" | sort)
    ((${#missing[@]} > 0)) || return 0
    if ((EUID != 0)); then
        if sudo -n true 2>/dev/null; then
            become=(sudo -n)
        elif [[ -t 0 ]] && command -v sudo >/dev/null; then
            become=(sudo)
            sudo -v # asks for the password before the output goes to a file
        else
            printf 'Packages are missing. As root:\n' >&2
            printf 'apt-get update && apt-get install -y --no-install-recommends %s\n' \
                "${missing[*]}" >&2
            exit 1
        fi
    fi
    printf 'Installing %s\n' "${missing[*]}" >&2
    mkdir -p build
    quietly build/apt.log apt_install "${become[@]}" || die "the packages could not be installed"
}
