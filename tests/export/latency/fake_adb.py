"""An `adb` whose device answers from files."""

import os

from tests.export.latency import recorded

SERIAL = "0123456789ABCDEF"
_SCRIPT = """\
#!/bin/sh
dir=$(dirname "$0")
echo "$*" >> "$dir/log"
[ "$*" != devices ] && [ -f "$dir/lost" ] && {
  cat "$dir/lost" >&2; exit 1; }
case "$*" in
  devices) cat "$dir/devices" ;;
  *" push "*) if [ -f "$dir/push_error" ]; then
      cat "$dir/push_error" >&2; exit 1; fi
    echo "1 file pushed" ;;
  *getprop*) cat "$dir/getprop" ;;
  *"dumpsys battery"*) cat "$dir/battery" ;;
  *"dumpsys thermalservice"*) cat "$dir/thermal" ;;
  *cpu/present*) echo 0-8 ;;
  *profil*) cat "$dir/profile" ;;
  *--graph=*) if [ -f "$dir/interrupt" ]; then
      kill -INT $PPID; sleep 5; fi
    cat "$dir/output" ;;
  *mkdir*) if [ -f "$dir/mkdir_error" ]; then cat "$dir/mkdir_error"; fi ;;
esac
"""


class FakeAdb:
    """The folder of the script; its attributes are files the script reads."""

    def __init__(self, folder):
        self._folder = folder
        script = folder / "adb"
        script.write_text(_SCRIPT)
        os.chmod(script, 0o755)
        self.set("devices", f"List of devices attached\n{SERIAL}\tdevice\n\n")
        self.set("getprop", recorded.GETPROP)
        self.set("battery", recorded.BATTERY)
        self.set("thermal", recorded.THERMAL)
        self.set("output", recorded.CPU)
        self.set("profile", recorded.PROFILE)

    def set(self, name, text):
        (self._folder / name).write_text(text)

    def log(self):
        """The arguments of every call so far, a line each."""
        return (self._folder / "log").read_text().splitlines()
