# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Debian's own updaters install the bench's image: what they need is made in FOLDER. Sourced by bench/run_install.sh. Each function
# prints the command that installs once, or nothing where the program is missing or cannot run.

# swupdate: a signed package, streamed into the slot.
swupdate_command() {  # FOLDER
  command -v swupdate cpio > /dev/null || return 0
  local folder=$1 pack=$1/swupdate
  mkdir -p "$pack"
  ln -f "$folder/image.zst" "$pack/image.zst"
  cat > "$pack/sw-description" <<TXT
software = { version = "2.0"; hardware-compatibility: [ "1.0" ];
  images: ( { filename = "image.zst"; device = "$folder/slot.swupdate"; type = "raw"; compressed = "zstd"; installed-directly = true;
              sha256 = "$(sha256sum "$pack/image.zst" | cut -d ' ' -f 1)"; } ); }
TXT
  peer_key "$pack" -addext extendedKeyUsage=emailProtection -addext keyUsage=digitalSignature
  openssl cms -sign -in "$pack/sw-description" -out "$pack/sw-description.sig" -signer "$pack/certificate.pem" -inkey "$pack/key.pem" \
    -outform DER -nosmimecap -binary
  (cd "$pack" && printf '%s\n' sw-description sw-description.sig image.zst | cpio --quiet -o -H crc > image.swu)
  echo "TMPDIR='$pack' swupdate -k '$pack/certificate.pem' -H bench:1.0 -M -m -l 1 -i '$pack/image.swu' > '$pack/log' 2>&1 && sync '$folder/slot.swupdate'"
}

# rauc: a signed bundle (plain format, squashfs with zstd), installed by its service on a message bus of its own. It mounts the
# bundle, so it needs root and loop devices; what the kernel's own threads do for them is not counted.
rauc_command() {  # FOLDER LEVEL
  command -v rauc dbus-daemon mksquashfs > /dev/null && [[ $(id -u) -eq 0 && -e /dev/loop-control ]] || return 0
  local folder=$1 level=$2 pack=$1/rauc
  rm -rf "$pack"
  mkdir -p "$pack/bundle"
  ln -f "$folder/slot.img" "$pack/bundle/rootfs.img"
  printf '[update]\ncompatible=bench\nversion=2\n[bundle]\nformat=plain\n[image.rootfs]\nfilename=rootfs.img\n' > "$pack/bundle/manifest.raucm"
  cat > "$pack/system.conf" <<TXT
[system]
compatible=bench
bootloader=noop
mountprefix=$pack/mount
statusfile=$pack/status
[keyring]
path=$pack/certificate.pem
[slot.rootfs.0]
device=$pack/running
type=raw
bootname=A
[slot.rootfs.1]
device=$folder/slot.rauc
type=raw
bootname=B
TXT
  cat > "$pack/bus.conf" <<TXT
<busconfig><type>session</type><listen>unix:path=$pack/bus</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
TXT
  : > "$pack/running"
  peer_key "$pack"
  rauc --cert "$pack/certificate.pem" --key "$pack/key.pem" --mksquashfs-args="-comp zstd -Xcompression-level $level -b 262144" \
    bundle "$pack/bundle" "$pack/image.raucb" > "$pack/log" 2>&1 || return 0
  cat > "$pack/install" <<TXT
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$pack/bus
rm -f "$pack/bus"
dbus-daemon --config-file="$pack/bus.conf" --nofork > "$pack/log" 2>&1 & bus=\$!
until [ -S "$pack/bus" ]; do sleep 0.02; done
rauc --conf="$pack/system.conf" --override-boot-slot=A service >> "$pack/log" 2>&1 & service=\$!
until dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetNameOwner string:de.pengutronix.rauc \
  > /dev/null 2>&1; do kill -0 \$service || exit 1; sleep 0.02; done
rauc --conf="$pack/system.conf" install "$pack/image.raucb" >> "$pack/log" 2>&1; status=\$?
kill \$service \$bus
wait
sync "$folder/slot.rauc"
exit \$status
TXT
  echo "sh '$pack/install'"
}

peer_key() {  # FOLDER OPTIONS...: key.pem and certificate.pem
  local pack=$1
  shift
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$pack/key.pem" -out "$pack/certificate.pem" -subj /CN=bench -days 30 "$@" 2> /dev/null
}
