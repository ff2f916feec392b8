# shellcheck shell=bash
# What has to be installed, by Debian's names, and how: for ./up, ./check and the programs in bench/.

# To build and to run.
# shellcheck disable=SC2034
build_packages=(gcc libc6-dev meson ninja-build pkg-config python3 python3-yaml curl openssl
	ca-certificates libjansson-dev libunistring-dev libssl-dev libsqlite3-dev libmicrohttpd-dev
	libdnnl-dev libgnutls28-dev libseccomp-dev libsystemd-dev libcurl4-openssl-dev
	libzip-dev zlib1g-dev libspng-dev libjpeg62-turbo-dev libwebp-dev libopenjp2-7-dev libfec-dev)
# To test.
# shellcheck disable=SC2034
test_packages=(check clang clang-format-14 shellcheck cppcheck libjose-dev jose sqlite3 systemd strace binutils groff-base
	procps python3-cryptography faketime dataset-fashion-mnist)
# To test for long.
# shellcheck disable=SC2034
full_packages=(prometheus systemd-container libonnx-testdata python3-onnx)

# missing PACKAGE…: those that are not installed, one a line.
missing() {
	local have name
	have=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p')
	for name in "$@"; do
		grep -qxF -- "$name" <<<"$have" || printf '%s\n' "$name"
	done
}

# as_root COMMAND…: with sudo where we are not root.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		printf 'Needs root, and there is no sudo. As root, run:\n  %s\n' "$*" >&2
		return 1
	fi
}

# install_missing PACKAGE…: quiet unless it fails; touches neither apt nor the network if all is there.
install_missing() {
	local wanted log
	if ! command -v dpkg-query >/dev/null; then
		printf 'Not a Debian system. Make sure that these are installed: %s\n' "$*" >&2
		return 0
	fi
	mapfile -t wanted < <(missing "$@")
	[ "${#wanted[@]}" -gt 0 ] || return 0
	printf 'Installing %s\n' "${wanted[*]}" >&2
	log=$(mktemp)
	if ! { as_root apt-get update &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends \
			-o DPkg::Lock::Timeout=300 install "${wanted[@]}"; } >"$log" 2>&1 </dev/null; then
		tail -n 30 "$log" >&2
		printf 'Could not install: %s\n' "${wanted[*]}" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}
