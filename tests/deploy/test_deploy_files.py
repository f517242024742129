"""What the installer lays down, read as files; that it installs is proven by `deploy/test-in-chroot`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from denwaban.config_text import example

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SCRIPTS = sorted(path for path in DEPLOY.iterdir() if path.is_file() and path.read_bytes().startswith(b"#!/bin/sh"))


def settings(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / name).read_text("utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_executable_and_ends_at_the_first_mistake(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert re.search(r"^set -eu?$", script.read_text("utf-8"), re.M) or "exec " in script.read_text("utf-8")
    subprocess.run(["sh", "-n", script], check=True)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_service_has_a_watchdog_and_no_privilege() -> None:
    unit = settings("denwaban.service")
    assert unit["Type"] == ["notify"]
    assert float(unit["WatchdogSec"][0]) <= 60
    assert unit["User"] == ["denwaban"]
    assert unit["NoNewPrivileges"] == ["yes"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["DevicePolicy"] == ["closed"]
    assert unit["StateDirectoryMode"] == ["0700"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_every_line_of_the_service(tmp_path: Path) -> None:
    unit = tmp_path / "denwaban.service"
    text = (DEPLOY / "denwaban.service").read_text("utf-8")
    unit.write_text(re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", text, flags=re.M), "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "denwaban.service:" not in done.stderr, done.stderr


def test_the_broker_lets_nobody_in_without_a_password_and_holds_none() -> None:
    text = (DEPLOY / "mosquitto.conf").read_text("utf-8")
    assert "allow_anonymous false" in text
    assert "listener 1883 127.0.0.1" in text
    for path in DEPLOY.iterdir():
        if path.is_file():
            assert not re.search(r"password\s*[=:]\s*\S*\w{6,}\"?$", path.read_text("utf-8"), re.M), path


def test_from_outside_the_broker_is_reached_encrypted_only() -> None:
    own, outside = ((DEPLOY / name).read_text("utf-8") for name in ("mosquitto.conf", "mosquitto-tls.conf"))
    assert re.findall(r"^listener .*$", own, re.M) == ["listener 1883 127.0.0.1"]
    listeners = outside.split("\nlistener ")[1:]
    assert [one.split()[0] for one in listeners] == ["8883", "8884"]
    for one in listeners:
        assert "\ncertfile /etc/mosquitto/certs/denwaban.crt\nkeyfile /etc/mosquitto/certs/denwaban.key\n" in one


def test_modem_manager_is_kept_off_every_modem_of_the_rules() -> None:
    text = (DEPLOY / "denwaban-modem.rules").read_text("utf-8")
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in text
    assert 'SYMLINK+="denwaban-modem"' in text
    assert all(re.fullmatch("[0-9a-f]{4}", vendor) for vendor in re.findall(r'idVendor\}=="([^"]+)"', text))


def test_every_line_of_the_modem_rules_parses_and_every_jump_has_a_target() -> None:
    text = (DEPLOY / "denwaban-modem.rules").read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    term = r'[A-Z]+(\{\w+\})?(==|!=|\+=|:=|=)"[^"]*"'
    assert lines
    for line in lines:
        assert re.fullmatch(rf"{term}(, {term})*", line), line
    assert set(re.findall(r'GOTO="(\w+)"', text)) == set(re.findall(r'LABEL="(\w+)"', text))


def test_every_line_of_the_service_parses() -> None:
    lines = (DEPLOY / "denwaban.service").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("[")] == ["[Unit]", "[Service]", "[Install]"]
    for line in lines:
        assert re.fullmatch(r"|#.*|\[\w+\]|[A-Z]\w+=.*", line), line


def test_what_the_installer_writes_the_removal_knows() -> None:
    installed = re.findall(r"^\s*put \S+ (/\S+) \d+$", (DEPLOY / "install.sh").read_text("utf-8"), re.M)
    removal = (DEPLOY / "uninstall.sh").read_text("utf-8")
    assert len(set(installed)) >= 4
    for path in (*installed, "/opt/denwaban", "/etc/denwaban", "/var/lib/denwaban"):
        assert re.search(rf"{re.escape(path)}[\s\"]", removal), path


def test_a_removal_can_be_tried_without_removing() -> None:
    done = subprocess.run(
        [DEPLOY / "uninstall.sh", "--purge", "--dry-run"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search("^(to be removed:|nothing to remove$)", done.stdout, re.M)
    assert "removed. " not in done.stdout


def test_the_lines_that_the_installer_fills_in_are_in_the_example() -> None:
    script = (DEPLOY / "install.sh").read_text("utf-8")
    wanted = re.findall(r"s\|\^(\w+) = ", script)
    assert {"data_dir", "port", "host", "username", "password_file"} == set(wanted)
    for key in wanted:
        assert re.search(rf'^{key} = ""$', example(), re.M), key


def test_a_dry_run_says_what_it_would_do_and_does_nothing(tmp_path: Path) -> None:
    if shutil.which("dpkg") is None:
        pytest.skip("not Debian")
    done = subprocess.run(
        [DEPLOY / "install.sh", "--dry-run"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    if "MB needed" in done.stderr or "64-bit" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert "would write /etc/denwaban/config.toml" in done.stdout
    assert "dry run: nothing was changed" in done.stdout
    assert not Path("/etc/denwaban").exists()


def test_the_box_gets_what_the_program_is_tested_with() -> None:
    def pins(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9-]+)==([^ \\]+)", path.read_text("utf-8"), re.M))

    box, tested = pins(DEPLOY / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert box.items() <= tested.items()
    assert {"numpy", "onnxruntime", "ctranslate2", "sounddevice", "gpiozero"} <= box.keys()
    assert not {"pytest", "mypy", "ruff"} & box.keys()
