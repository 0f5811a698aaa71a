"""Speaks to one Android device through `adb`, Android's debug bridge."""

import re
import shutil
import subprocess

_FULL = "No space left on device"
_STATE_HELP = {
    "unauthorized": "unlock it and accept the question about USB debugging",
    "authorizing": "unlock it and accept the question about USB debugging",
    "offline": "reconnect it, or run `adb reconnect`",
    "no permissions": "this user may not use the USB device: see udev rules",
}


def parse_devices(text):
    """Reads what `adb devices` prints.

    Returns:
        dict of serial -> state, such as "device" or "unauthorized".
    """
    devices = {}
    for line in text.splitlines():
        # Lines of the daemon start with `*`; the first line is a heading.
        found = re.fullmatch(r"([^\s*]\S*)\s+(no permissions|\w+)\b.*", line)
        if found and not line.startswith("List of devices"):
            devices[found[1]] = found[2]
    return devices


class Adb:
    """One device.

    Args:
        serial: str or None. As `adb devices` lists it; None: the only one.

    Raises:
        ValueError: adb is not installed, or the device cannot be used.
    """

    def __init__(self, serial=None):
        self._executable = shutil.which("adb")
        if self._executable is None:
            raise ValueError(
                "There is no adb on the PATH; install Android's platform"
                " tools (Debian: apt install adb)"
            )
        self.serial = _choose(parse_devices(self._run(["devices"])), serial)

    def shell(self, command):
        """Runs a command on the device.

        Returns:
            str. What it printed, errors too; its exit status is not looked
            at, because old devices do not tell it.

        Raises:
            ValueError: the device cannot be reached.
        """
        return self._run(["-s", self.serial, "shell", f"{command} 2>&1"])

    def push(self, source, target):
        """Copies a file to the device; `ValueError` if it cannot."""
        try:
            self._run(["-s", self.serial, "push", source, target], check=True)
        except ValueError as error:
            if _FULL not in str(error):
                raise
            raise ValueError(
                f"The storage of device {self.serial} is full: no room for"
                f" {source}"
            ) from error

    def _run(self, arguments, check=False):
        process = subprocess.run(
            [self._executable, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        said = process.stderr.strip()
        # A command that failed on the device and an adb that never reached
        # it both end with a status other than 0; only adb's own words start
        # like this.
        lost = re.search(r"^(?:adb: |error: )", said, re.MULTILINE)
        if process.returncode and (check or lost):
            raise ValueError(
                f"`adb {' '.join(arguments)}` failed:"
                f" {said or process.stdout.strip()}"
            )
        return process.stdout.replace("\r\n", "\n")


def _choose(devices, serial):
    listed = ", ".join(f"{name} ({state})" for name, state in devices.items())
    if not devices:
        raise ValueError(
            "No Android device is connected; connect one with USB debugging"
            " switched on (Settings, Developer options)"
        )
    if serial is None:
        if len(devices) > 1:
            raise ValueError(
                f"{len(devices)} devices are connected, choose one by"
                f" --serial: {listed}"
            )
        (serial,) = devices
    if serial not in devices:
        raise ValueError(f"There is no device {serial!r}, but {listed}")
    state = devices[serial]
    if state != "device":
        raise ValueError(
            f"Device {serial} is {state}:"
            f" {_STATE_HELP.get(state, 'start Android on it')}"
        )
    return serial
