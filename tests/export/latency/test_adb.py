import os
import shutil
import socket
import subprocess

import pytest

from keras_mvit.export.latency.adb import Adb, parse_devices
from tests.export.latency.fake_adb import SERIAL, FakeAdb


@pytest.fixture
def fake(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return FakeAdb(tmp_path)


def test_devices_are_read():
    text = (
        "* daemon not running; starting now at tcp:5037\n"
        "* daemon started successfully\n"
        "List of devices attached\n"
        "0123\tdevice\n"
        "emulator-5554\toffline\n"
        "192.168.1.7:5555\tunauthorized\n"
        "4567\tno permissions (user in plugdev group); see [http://x]\n\n"
    )
    assert parse_devices(text) == {
        "0123": "device",
        "emulator-5554": "offline",
        "192.168.1.7:5555": "unauthorized",
        "4567": "no permissions",
    }


def test_the_only_device_is_chosen(fake):
    assert Adb().serial == SERIAL
    assert Adb(SERIAL).serial == SERIAL


@pytest.mark.parametrize(
    "listed, serial, message",
    [
        ("", None, "No Android device is connected"),
        ("a\tdevice\nb\tdevice\n", None, r"2 devices .*--serial: a \(dev"),
        ("a\tdevice\n", "c", r"There is no device 'c', but a \(device\)"),
        ("a\tunauthorized\n", None, "a is unauthorized: unlock it"),
        ("a\toffline\nb\tdevice\n", "a", "a is offline: reconnect it"),
        ("a\tno permissions (x)\n", None, "no permissions: .*udev"),
        ("a\trecovery\n", None, "a is recovery: start Android"),
    ],
)
def test_a_device_that_cannot_be_used(fake, listed, serial, message):
    fake.set("devices", f"List of devices attached\n{listed}\n")
    with pytest.raises(ValueError, match=message):
        Adb(serial)


def test_no_adb(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="There is no adb on the PATH"):
        Adb()


def test_full_storage(fake):
    fake.set(
        "push_error",
        "adb: error: failed to copy 'a' to 'b': remote write failed: No space"
        " left on device\n",
    )
    with pytest.raises(ValueError, match="storage of device .* is full.* a.tf"):
        Adb().push("a.tflite", "b")
    fake.set("push_error", "adb: error: failed to copy: Read-only file system")
    with pytest.raises(ValueError, match="a.tflite b` failed: .*Read-only"):
        Adb().push("a.tflite", "b")


def test_a_lost_device(fake):
    adb = Adb()
    fake.set("lost", f"adb: device '{SERIAL}' not found\n")
    with pytest.raises(ValueError, match=f"'{SERIAL}' not found"):
        adb.shell("getprop")


@pytest.mark.skipif(shutil.which("adb") is None, reason="adb not installed")
def test_a_real_server_without_device(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ADB_MDNS", "0")
    subprocess.run(["adb", "start-server"], check=True, capture_output=True)
    try:
        if parse_devices(subprocess.getoutput("adb devices")):
            pytest.skip("a device is connected")
        with pytest.raises(ValueError, match="No Android device is connected"):
            Adb()
        with pytest.raises(ValueError, match="No Android device is connected"):
            Adb(SERIAL)
    finally:
        subprocess.run(["adb", "kill-server"], check=True, capture_output=True)
