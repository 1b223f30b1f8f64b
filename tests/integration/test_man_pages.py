# SPDX-License-Identifier: Apache-2.0
"""The manual pages: nats-server(8) against --help, the configurations that are shown, the markup.
Options of nats-server.conf(5) are checked by tests/unit/test_conf_man.c."""

import os
import re
import shutil
import subprocess

import pytest

from support import certs, env

PAGES = ["nats.1", "nats-server.8", "nats-server.conf.5"]
NOT_YET = "(not supported yet)"


def page(name):
    return (env.ROOT / "docs/man" / name).read_text()


def help_flags():
    """Flags by whether they are supported. A long list of flags has its text on the next line."""
    done = subprocess.run([env.need(env.SERVER), "--help"], capture_output=True, text=True,
                          timeout=env.PATIENCE_S, check=True)
    text = re.sub(r"\n {30,}", "  ", done.stdout)
    supported, refused = set(), set()
    for line in text.splitlines():
        if line.lstrip().startswith("-"):
            flags = re.match(r" +(-[\w-]+(?:, --?[\w-]+)*)", line)[1].split(", ")
            (refused if NOT_YET in line else supported).update(flags)
    assert "--auth-file" in supported and "--jetstream" in refused
    return supported, refused


def test_server_page_names_every_flag_and_no_other():
    named = set()
    for line in re.findall(r"^\.It Fl (.*)", page("nats-server.8"), re.MULTILINE):
        flags = re.split(r" (?:Ar|Ns|Op)\b", line)[0]
        named.update("-" + flag for flag in flags.split(" , "))
    assert named == help_flags()[0]


def test_server_page_uses_no_refused_flag():
    used = {"-" + flag for flag in re.findall(r"\bFl ([\w-]+)", page("nats-server.8"))}
    assert used & help_flags()[1] == set()


def test_configurations_shown_are_valid(tmp_path):
    for secret in ("sensors", "cluster"):
        (tmp_path / secret).write_text("abcdefghij\n")
    certs.Authority(tmp_path).server()
    variables = {name: f"secret of {name}"
                 for name in ("NATS_TOKEN", "DASHBOARD_TOKEN", "GUEST_PASSWORD",
                              "SERVICE_PASSWORD")}
    shown = re.findall(r"^\.Bd -literal.*\n((?s:.*?))\n\.Ed$", page("nats-server.conf.5"),
                       re.MULTILINE)
    assert len(shown) == 6
    for text in shown:
        path = tmp_path / "shown.conf"
        path.write_text(re.sub("/run/secrets|/etc/nats", str(tmp_path), text) + "\n")
        done = subprocess.run([env.need(env.SERVER), "-t", "-c", str(path)], capture_output=True,
                              text=True, timeout=env.PATIENCE_S, env={**os.environ, **variables},
                              check=False)
        assert done.returncode == 0, f"{text}\n{done.stderr}"


@pytest.mark.parametrize("name", PAGES)
def test_markup(name):
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    done = subprocess.run(["man", "--warnings", "-l", str(env.ROOT / "docs/man" / name)],
                          capture_output=True, text=True, timeout=6 * env.PATIENCE_S, check=False,
                          env={**os.environ, "MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
    if "has been minimized" in done.stdout:
        pytest.skip("man is a placeholder here")
    assert (done.returncode, done.stderr) == (0, "")
    assert "SYNOPSIS" in done.stdout or "DESCRIPTION" in done.stdout
