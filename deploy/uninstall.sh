#!/bin/sh
# Remove denwaban. Configuration, calls, recordings and keys stay, unless --purge is given.
set -eu
usage="sudo deploy/uninstall.sh [--purge] [--yes] [--dry-run]
    --purge    also delete configuration, calls, recordings, keys, broker passwords and the account
    --yes      do not ask
    --dry-run  say what would be removed, change nothing (needs no root)"
purge=0 yes=0 dry=0
for option in "$@"; do
    case $option in
    --purge) purge=1 ;;
    --yes) yes=1 ;;
    --dry-run) dry=1 ;;
    --help | -h) echo "$usage" && exit 0 ;;
    *) echo "$usage" >&2 && exit 1 ;;
    esac
done

program="/etc/systemd/system/denwaban.service /etc/systemd/system/multi-user.target.wants/denwaban.service
/etc/systemd/system/denwaban.service.d
/etc/systemd/system/denwaban-web.service /etc/systemd/system/multi-user.target.wants/denwaban-web.service
/etc/systemd/system/denwaban-web.service.d
/etc/udev/rules.d/77-denwaban-modem.rules /usr/local/bin/denwaban
/etc/mosquitto/conf.d/denwaban.conf /etc/mosquitto/conf.d/denwaban-tls.conf /etc/mosquitto/denwaban.passwd
/etc/mosquitto/denwaban.acl /opt/denwaban"
data="/etc/denwaban /var/lib/denwaban"
[ $purge = 0 ] || program="$program $data"
found=''
for path in $program; do
    [ ! -e "$path" ] && [ ! -L "$path" ] || found="$found $path"
done
[ $purge = 0 ] || ! getent passwd denwaban >/dev/null || account=1
if [ -z "$found${account:-}" ]; then
    echo "nothing to remove"
    exit 0
fi

echo "to be removed:"
for path in $found; do echo "    $path"; done
[ -z "${account:-}" ] || echo "    the account denwaban"
if [ $purge = 1 ]; then
    echo "This deletes all calls, recordings and the box's key for good: every contact has to be registered anew."
else
    echo "What stays: $data, the account denwaban (--purge removes them, too)"
fi
[ $dry = 0 ] || exit 0
[ "$(id -u)" = 0 ] || { echo "uninstall.sh: needs root; type: sudo $0" >&2 && exit 1; }
if [ $yes = 0 ]; then
    printf 'Go on? [y/N] '
    read -r answer || answer=''
    [ "$answer" = y ] || { echo "nothing was removed" && exit 1; }
fi

booted() { [ -d /run/systemd/system ]; }
if booted; then systemctl disable --now --quiet denwaban.service denwaban-web.service 2>/dev/null || :; fi
broker=0
[ ! -e /etc/mosquitto/conf.d/denwaban.conf ] || broker=1
# shellcheck disable=SC2086 # one word per path, all written above
rm -rf $found
if [ -n "${account:-}" ]; then userdel denwaban; fi
if booted; then
    systemctl daemon-reload
    systemctl reset-failed denwaban.service denwaban-web.service 2>/dev/null || :
    udevadm control --reload 2>/dev/null || : # a container has no udev
    if [ $broker = 1 ]; then systemctl restart mosquitto.service || :; fi
fi
echo "removed. Debian's packages stay: python3-venv, libportaudio2 and, if you had it installed, mosquitto"
