# SPDX-License-Identifier: Apache-2.0
"""Where measuring happens: programs built, reference fetched, a network namespace of its own."""

import argparse
import fcntl
import os
import resource
import socket
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/bench"  # of its own: ./check's release build has no measuring programs
PROGRAMS = BUILD / "bench"
OURS = BUILD / "src/main/nats-server"
REFERENCE = ROOT / "build/peers/usr/sbin/nats-server"
SCRIPT = Path(sys.argv[0]).resolve()
NAME = str(SCRIPT.relative_to(ROOT))  # as it is called, and as its region of the page is


def die(text):
    sys.exit(f"{NAME}: {text}")


def options(**given):
    """{"every_ms": 1, "check": True} as a program wants it."""
    return [f"--{name.replace('_', '-')}" if value is True else
            f"--{name.replace('_', '-')}={value}" for name, value in given.items()]


def parser(text, names):
    """What all measuring scripts understand."""
    out = argparse.ArgumentParser(description=text,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    out.add_argument("--server", type=Path, default=OURS, help="measure this, build no server")
    out.add_argument("--peer", type=Path, default=REFERENCE, help="the other server")
    out.add_argument("--quick", action="store_true", help="one run of each, and less of it")
    out.add_argument("--runs", type=int, help="of each, instead of its own number")
    out.add_argument("--only", metavar="NAME", action="append", choices=names,
                     help="measure this anew (may be given several times); the other rows stay as "
                     "they are if they are of the same servers")
    out.add_argument("--list", action="store_true", help="print the names for --only")
    out.add_argument("--print", action="store_true", dest="only_print",
                     help="measure nothing, use the last results")
    out.add_argument("--write", action="store_true",
                     help="put the tables into docs/benchmarks.md instead of printing them")
    return out


def parse(out, names):
    args = out.parse_args()
    if args.write and args.quick:
        out.error("the page wants full runs: --write without --quick")
    args.server, args.peer = args.server.absolute(), args.peer.absolute()
    if args.list:
        print("\n".join(names))
        sys.exit()
    return args


def flags(args):
    """Those of them that decide how well a result can be believed."""
    return [*(["--quick"] if args.quick else []),
            *([f"--runs={args.runs}"] if args.runs else [])]


def must(*command):
    """A step of the preparation; its output goes to the screen."""
    if subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode != 0:
        die(f"this did not work: {' '.join(map(str, command))}")


def build(args, *targets):
    must("cmake", "-G", "Ninja", "-B", BUILD, "-DCMAKE_BUILD_TYPE=Release", "-DTESSERA_BENCH=ON",
         "-DTESSERA_TESTS=OFF")
    must("cmake", "--build", BUILD, "--target", *targets,
         *([] if args.server != OURS else ["nats-server"]))
    if args.peer == REFERENCE and not REFERENCE.exists():
        must("bash", "-c", ". scripts/peers.sh && fetch_reference_server")
    for binary in (args.server, args.peer):
        if not os.access(binary, os.X_OK):
            die(f"{binary} is not a program")


def enter_namespace():
    """True: this process is now the copy that runs in a network namespace of its own."""
    if os.environ.get("BENCH_NAMESPACE") == "yes":
        return True
    command = ["unshare", "--net", "--map-root-user"]
    try:
        works = subprocess.run([*command, "true"], stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return False
    if works.returncode != 0:
        return False
    sys.stdout.flush()
    os.execvpe("unshare", [*command, sys.executable, str(SCRIPT), *sys.argv[1:]],
               {**os.environ, "BENCH_NAMESPACE": "yes"})
    return False  # not reached


def set_up_namespace():
    siocsifflags, iff_up = 0x8914, 1
    with socket.socket() as sock:
        fcntl.ioctl(sock, siocsifflags, struct.pack("16sh14x", b"lo", iff_up))
    Path("/proc/sys/net/ipv4/tcp_congestion_control").write_text("reno", encoding="ascii")


def prepare(args, *targets):
    """Builds, then goes on in the namespace where that is possible."""
    if os.environ.get("BENCH_NAMESPACE") != "yes":
        build(args, *targets)
    if enter_namespace():
        set_up_namespace()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the servers inherit it


def version(binary):
    return subprocess.run([binary, "--version"], capture_output=True, text=True,
                          check=True).stdout.strip()


def about(args):
    """Results are comparable where this is equal."""
    control = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text(encoding="ascii").strip()
    return {"Tessera": version(args.server), "Reference": version(args.peer),
            "Cores": len(os.sched_getaffinity(0)), "Congestion control": control}
