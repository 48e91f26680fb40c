#!/usr/bin/env bash
# man.sh PROGRAM FOLDER: a manual page per command, from what the program says about itself (tools/help.sh).
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
program=$1 folder=$2
. "$(dirname "$0")/help.sh"
version=$("$program" --version | cut -d ' ' -f 2)
mkdir -p "$folder"

# Text for roff: backslashes and hyphens as they are, no line that looks like a request.
escape() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/'/\\\\(aq/g" -e 's/\^/\\(ha/g' -e 's/~/\\(ti/g' -e "s/^[.']/\\\\\&&/"; }

head() {  # name, summary
  printf '.TH %s 1 "" "metaxbar %s" "metaxbar"\n.ad l\n.nh\n.SH NAME\n%s \\- %s\n' "${1^^}" "$version" "$(escape <<<"$1")" "$(escape <<<"$2")"
}

# The usage as it stands, its program in bold.
synopsis() {
  printf '.SH SYNOPSIS\n.nf\n'
  usage_of "$@" | sed -E 's/^(usage:|      ) //' | escape | sed -E 's/^metaxbar( [a-z|]+)?/\\fB&\\fR/'
  printf '.fi\n'
}

# Paragraphs, and as a list the lines that begin with a word of the command.
description() {
  printf '.SH DESCRIPTION\n'
  text_of "$1" | escape | awk -v words="$(words "$1" | cut -d ' ' -f 1 | tr '\n' ' ')" '
    BEGIN { n = split(words, all, " "); for (k = 1; k <= n; k++) known[all[k]] = 1 }
    { word = $1; sub(/:$/, "", word) }
    /^[a-z]/ && word in known { blank = 0; sub(/^[^ ]+ +/, ""); printf ".TP\n.B %s\n%s\n", word, $0; next }
    /^$/ { blank = 1; next }
    { if (blank) print ".PP"; blank = 0; sub(/^ +/, ""); print }'
}

flags_list() {
  printf '.SH OPTIONS\n'
  flag_lines "$1" | sed -E 's/^  (-[^ ]+( [A-Z][^ ]*)?) +/\1\t/' | escape | awk -F '\t' '{ printf ".TP\n.B %s\n%s\n", $1, $2 }'
}

settings() {  # title, command, word or nothing
  local title=$1
  shift
  printf '.SH %s\n' "$title"
  settings_of "$@" | escape | awk '
    { name = $1; sub(/^ +[^ ]+ +/, ""); limits = $0; sub(/.* \(/, "", limits); sub(/\)$/, "", limits); n = length(limits)
      gsub("/", "/\\:", limits)  # an address may break there
      printf ".TP\n.B %s\n%s.\n(%s)\n", name, substr($0, 1, length($0) - n - 3), limits }'
}

also() {  # every page but this one
  printf '.SH SEE ALSO\n'
  { echo metaxbar; commands | sed 's/^/metaxbar-/'; } | grep -vx -- "$1" | escape | sed -e 's/.*/.BR & (1),/' -e '$s/,$//'
}

overview() {
  head metaxbar 'networks that learn on a simulated phase-change-memory chip'
  printf '.SH SYNOPSIS\n.B metaxbar\n.I command\n[...]\n.SH COMMANDS\n'
  commands | while read -r c; do printf '.TP\n.BR %s (1)\n%s\n' "metaxbar\\-$c" "$(summary "$c" | escape)"; done
  cat <<'END'
.SH SETTINGS
Every setting is
.IR section . name = value ,
on the command line or in an INI file
.RB ( \-c
.IR FILE ).
.B metaxbar
.I command
.B \-\-help
lists them.
.SH FILES
A path that begins with
.I models/
and does not exist is looked for among the models installed with the program.
.SH EXIT STATUS
0 on success, 1 if something failed, 2 if the command line is not understood.
END
  also metaxbar
}

page() {
  local command=$1 part
  head "metaxbar-$command" "$(summary "$command")"
  synopsis "$command"
  description "$command"
  flags_list "$command"
  parts "$command" | while read -r part; do
    if [ -z "$part" ]; then settings SETTINGS "$command"
    else settings "SETTINGS OF ${command^^} ${part^^}" "$command" "$part"; fi
  done
  also "metaxbar-$command"
}

rm -f "$folder"/metaxbar*.1
overview >"$folder/metaxbar.1"
commands | while read -r c; do page "$c" >"$folder/metaxbar-$c.1"; done
