# help.sh - what the program says about itself, taken apart; sourced by man.sh and completion.sh, which set $program.
# `metaxbar COMMAND [WORD] --help` is a usage (continued on indented lines), a text, flags and settings:
#   --flag VALUE   what it does
#   section.name   what it is (limits or choices, default value)

is_flag='^  --?[a-z]'
is_setting='^  [a-z]+\.[A-Za-z0-9_]+ .*\)$'

commands() { "$program" --help | sed -n 's/^  \([a-z][a-z-]*\)  *[^ ].*/\1/p'; }
summary() { "$program" --help | sed -n "s/^  $1  *//p"; }  # of a command

usage_of() { "$program" "$@" --help | awk '/^usage:/ { on = 1 } /^$/ { over = 1 } on && !over'; }
text_of() { "$program" "$@" --help | awk -v s="$is_setting" -v f="$is_flag" 'on && $0 !~ s && $0 !~ f && $0 != "flags:" && $0 != "settings:"; /^$/ { on = 1 }'; }
settings_of() { "$program" "$@" --help | grep -E "$is_setting" || true; }

# Words that may follow a command, "WORD" or "WORD WORD", in the order of the usage.
words() {
  usage_of "$1" | awk -v command="$1" '
    { sub(/^usage:/, "      ") }
    $1 == "metaxbar" && $2 == command {
      first = $3; gsub(/[][]/, "", first)
      second = $3 == first && $4 ~ /^[a-z0-9]+$/ ? " " $4 : ""
      if (first !~ /^[a-z]+(\|[a-z]+)*$/) next
      n = split(first, all, "|")
      for (k = 1; k <= n; k++) if (!seen[all[k] second]++) print all[k] second
    }'
}

# Those of them that have settings of their own: "" where the command has.
parts() {
  local command=$1 first
  if [ -n "$(settings_of "$command")" ]; then echo; return; fi
  for first in $(words "$command" | cut -d ' ' -f 1 | uniq); do
    [ -z "$(settings_of "$command" "$first")" ] || echo "$first"
  done
}

flag_lines() { "$program" "$@" --help | grep -E "$is_flag"; }
flags() { flag_lines "$@" | awk '{ print $1 }' | sort -u; }
valued_flags() { commands | while read -r c; do flag_lines "$c"; done | awk '$2 ~ /^[A-Z]/ { print $1 }' | sort -u; }
