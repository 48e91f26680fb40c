#!/usr/bin/env bash
# check_packages.sh [--chroot]: builds the Debian packages in build-packages, and again later from a copy of the sources
# in another folder, which must give equal bytes; lintian may find no errors in them; their program, library and Python
# package run, unpacked into a folder. With --chroot (as root, and with a mirror for debootstrap) they are installed by
# apt into a new Debian, where a folder of pictures is classified as README.md says, and purged, after which no file and
# no package may be left. Exit 77: a tool is absent.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'umount "$here/debian/proc" 2>/dev/null || true; rm -rf --one-file-system "$here"' EXIT
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH
unset CCACHE_BASEDIR  # it makes file names relative to the folder of the build, and assertions have them
names=(metaxbar libmetaxbar0 libmetaxbar-dev python3-metaxbar)

fail() { echo "FAIL $*"; exit 1; }
for tool in cpack dpkg-deb dpkg-shlibdeps; do
  command -v $tool >/dev/null || { echo "SKIP check_packages: $tool is not there"; exit 77; }
done

# build SOURCE FOLDER: the packages, from an empty folder.
build() {
  rm -rf "$2"
  { cmake -S "$1" --preset packages -B "$2" && cmake --build "$2" --target metaxbar shared completion debian_files &&
      (cd "$2" && cpack -G DEB); } >"$here/log" 2>&1 || fail "$(tail -n 20 "$here/log")"
}

# copy FOLDER: the sources, with the same description by git.
copy() {
  mkdir "$1"
  if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$1"
    echo "gitdir: $(git rev-parse --absolute-git-dir)" >"$1/.git"
  else
    find . -mindepth 1 -maxdepth 1 ! -name 'build*' -exec cp -rt "$1" {} +
  fi
}

# What a package gives to others: each of its parts runs and computes the same. $@: how to run a command.
use() {
  local model=/usr/share/metaxbar/models/builtin-5w5s.safetensors
  "$@" metaxbar --version
  METAXBAR_KERNELS=x86-64-v3 "$@" metaxbar data info data.kind=builtin >/dev/null || fail "kernels are not chosen by the environment"
  "$@" metaxbar model info --model "$model" | grep '^85456 weights' >/dev/null || fail "the model is not there"
  "$@" /usr/bin/python3 -c "
import metaxbar
metaxbar.FewShot('$model').close()
print(metaxbar.LIBRARY, metaxbar.Device('device.preset=hermes').number('g_max_uS'))
assert metaxbar.run('--version').split()[1] == metaxbar.__version__ == metaxbar.library_version()"
}

in_folder() {
  local root=$here/root package
  for package in build-packages/*.deb; do dpkg-deb -x "$package" "$root"; done
  for file in include/metaxbar_driver.h share/man/man1/metaxbar-train.1.gz share/zsh/vendor-completions/_metaxbar; do
    [ -s "$root/usr/$file" ] || fail "$file is not in the packages"
  done
  local libraries
  libraries=$(dirname "$(find "$root" -name libmetaxbar.so.0)")
  /usr/bin/python3 -c 'import numpy' || { echo "SKIP check_packages: /usr/bin/python3 has no numpy"; return; }
  use_in_folder() {
    PATH=$root/usr/bin:$PATH LD_LIBRARY_PATH=$libraries PYTHONPATH=$root/usr/lib/python3/dist-packages \
      PYTHONDONTWRITEBYTECODE=1 "${@//\/usr\/share/$root/usr/share}"
  }
  use use_in_folder
}

# newcomer ROOT: the commands of README.md, from the installation to the classes of three pictures.
newcomer() {
  sed -n '/^[*][*]From a Debian package/,/^The last one/s/^    //p' README.md >"$1/packages/commands"
  [ "$(wc -l <"$1/packages/commands")" = 5 ] || fail "README.md has not five commands"
  chroot "$1" env DEBIAN_FRONTEND=noninteractive sh -ec 'cd /packages; . ./commands' >"$here/log" 2>&1 ||
    fail "$(tail "$here/log")"
  for k in 0 1 2; do
    grep -E "^new/mark$k.png +mark$k " "$here/log" || fail "new/mark$k.png: $(tail -n 4 "$here/log")"
  done
}

# listing ROOT: its files, but those that apt and dpkg keep about packages.
listing() {
  (cd "$1" && find . -xdev -path ./proc -prune -o -print |
    grep -vE '^./(packages|tmp|var/(lib|cache|log)/|etc/ld.so.cache)' | sort)
}

in_chroot() {
  local root=$here/debian
  debootstrap --variant=minbase bookworm "$root" >"$here/log" 2>&1 || fail "$(tail -n 5 "$here/log")"
  mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"  # where the program finds its own place
  mkdir "$root/packages"
  cp build-packages/*.deb "$root/packages"
  apt_in() {
    chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" >"$here/log" 2>&1 ||
      fail "$(tail "$here/log")"
  }
  apt_in update
  mapfile -t others < <(for package in build-packages/*.deb; do dpkg-deb -f "$package" Depends; done | tr ',' '\n' |
    sed -E 's/^ *([^ |]+).*/\1/' | sort -u | grep -v metaxbar)
  apt_in install --no-install-recommends "${others[@]}"
  listing "$root" >"$here/before"
  newcomer "$root"
  mapfile -t packages < <(cd build-packages && printf '/packages/%s\n' *.deb)
  apt_in install --no-install-recommends "${packages[@]}"
  use chroot "$root"
  apt_in purge "${names[@]}"
  listing "$root" >"$here/after"
  ! comm -13 "$here/before" "$here/after" | grep . || fail "left behind after purge"
  ! chroot "$root" dpkg-query -l '*metaxbar*' 2>/dev/null | grep metaxbar || fail "a package is left"
}

build . build-packages
copy "$here/source"
build "$here/source" "$here/again"
for package in build-packages/*.deb; do
  cmp "$package" "$here/again/$(basename "$package")" || fail "two builds differ"
done
[ "$(ls build-packages/*.deb | wc -l)" = ${#names[@]} ] || fail "not ${#names[@]} packages"
if command -v lintian >/dev/null; then  # the address of the maintainer is the builder's: CPACK_PACKAGE_CONTACT
  lintian --allow-root --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog --fail-on error \
    build-packages/*.deb || fail "lintian"
else
  echo "SKIP check_packages: lintian is not there"
fi
if [ "${1:-}" = --chroot ]; then in_chroot; else in_folder; fi
ls -l build-packages/*.deb
