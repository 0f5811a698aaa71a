#!/usr/bin/env bash
# prepare.sh FOLDER: what runs arm64 LiteRT on this machine, without a phone.
#
# Debian 12's arm64 Python with the runtime's aarch64 wheels, and Debian 13's
# qemu-user: version 7.2 of Debian 12 crashes. About 400 MB and two minutes,
# once. Needs Debian or Ubuntu, root and debootstrap.
set -euo pipefail

folder=$(realpath -m "$1")
python=${PYTHON:-python3}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
[ -e "$folder/ready" ] && exit 0

missing() {
    echo "prepare.sh: cannot make the arm64 environment: $1" >&2
    exit 1
}
for tool in debootstrap apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || missing "no $tool"
done
[ "$(id -u)" = 0 ] || missing "debootstrap must be run as root"

partial=$folder.partial
rm -rf "$partial"
mkdir -p "$partial/apt/lists/partial" "$partial/apt/cache/archives/partial"
echo "Downloading arm64 Python, LiteRT and QEMU; about two minutes."

debootstrap --foreign --arch=arm64 --variant=minbase \
    --include=python3,libstdc++6 bookworm "$partial/root" "$mirror" \
    >"$partial/log" 2>&1 || missing "see $partial/log"
for package in "$partial"/root/var/cache/apt/archives/*.deb; do
    dpkg-deb --extract "$package" "$partial/root"
done
rm -r "$partial/root/var/cache/apt/archives"

keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] $mirror trixie main" >"$partial/apt/list"
apt=(apt-get -qq
    -o "Dir::Etc::sourcelist=$partial/apt/list"
    -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$partial/apt/lists"
    -o "Dir::Cache=$partial/apt/cache"
    -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$partial" && "${apt[@]}" download qemu-user)
dpkg-deb --extract "$partial"/qemu-user_*.deb "$partial/qemu"
rm -r "$partial/apt" "$partial"/qemu-user_*.deb

version=$("$python" -c 'import importlib.metadata as m
print(m.version("ai-edge-litert"))')
platforms=()
for glibc in 17 27 28 31 34; do # those of Debian 12 and before
    platforms+=(--platform "manylinux_2_${glibc}_aarch64")
done
"$python" -m pip install -qq --target "$partial/site" "${platforms[@]}" \
    --platform manylinux2014_aarch64 --python-version 3.11 \
    --only-binary=:all: "ai-edge-litert==$version"

touch "$partial/ready"
rm -rf "$folder"
mv "$partial" "$folder"
