# Functions and names of the scripts that measure tables of the documentation; they run in the root of the tree and source this file.
# OMNIGLOT: folder of the two archives (default data/omniglot, where `metaxbar data fetch omniglot` puts them). CIFAR:
# cifar-100-binary.tar.gz, its folder, or a folder with the three archives cifar-fs-train.zip, cifar-fs-val.zip and
# cifar-fs-test.zip (default data/cifar100). A table whose data is missing stays as it is, and the script says so.
metaxbar=${METAXBAR:-build/metaxbar} omniglot=${OMNIGLOT:-data/omniglot} cifar=${CIFAR:-data/cifar100}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skipped() { echo "skipped: $*" >&2; }
with_omniglot() { [ -d "$omniglot" ] || { skipped "no Omniglot in $omniglot (OMNIGLOT=DIR, or metaxbar data fetch omniglot)"; return 1; }; }
with_cifar() { [ -e "$cifar" ] || { skipped "no CIFAR100-FS in $cifar (CIFAR=PATH, or metaxbar data fetch cifar100)"; return 1; }; }

# The settings of CIFAR100-FS.
colours() {
  if [ -f "$cifar/cifar-fs-test.zip" ]; then
    echo "data.kind=folder data.path=$cifar/cifar-fs-train.zip data.validation_path=$cifar/cifar-fs-val.zip data.evaluation_path=$cifar/cifar-fs-test.zip"
  else echo "data.kind=cifar100 data.path=$cifar"; fi
}

# replace NAME FILE [PAGE]: the lines of the page (docs/results.md) between <!-- NAME --> and <!-- end --> become those of FILE
replace() {
  local page=${3:-docs/results.md}
  awk -v name="<!-- $1 -->" -v file="$2" '
    $0 == name { print; while ((getline line < file) > 0) print line; inside = 1; next }
    inside && $0 == "<!-- end -->" { inside = 0 }
    !inside' "$page" > "$work/page"
  cat "$work/page" > "$page"
}
