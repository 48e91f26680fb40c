#!/usr/bin/env bash
# completion.sh PROGRAM FOLDER: FOLDER/metaxbar, which completes the program's command line in bash, and
# FOLDER/_metaxbar for zsh, from what the program says about itself (tools/help.sh).
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
program=$1 folder=$2
. "$(dirname "$0")/help.sh"
mkdir -p "$folder"

# One line per setting: its name, then its choices, or "=FILE" where it is a text.
table() {
  settings_of "$@" | awk '
    { name = $1; limits = $0; sub(/.* \(/, "", limits); sub(/,? ?(default .*)?\)$/, "", limits)
      if (limits ~ /^[a-z0-9-]+(\|[a-z0-9-]+)+$/) gsub(/\|/, " ", limits)
      else limits = limits == "text" ? "=FILE" : ""
      print name (limits == "" ? "" : " " limits) }'
}

lists() {  # function name, what to list of each command
  printf '%s() {\n  case $1 in\n' "$1"
  commands | while read -r c; do printf '    %s) echo "%s" ;;\n' "$c" "$($2 "$c" | tr '\n' "$3" | sed "s/$3\$//")"; done
  printf '  esac\n}\n\n'
}

# `case` arms: command, or command and first word, with the settings that belong there.
tables() {
  printf '_metaxbar_settings() {\n  case "$1 $2" in\n'
  commands | while read -r c; do
    parts "$c" | while read -r part; do
      printf '    "%s "%s) cat <<"END"\n%s\nEND\n    ;;\n' "$c" "${part:-*}" "$(table "$c" $part)"
    done
  done
  printf '  esac\n}\n\n'
}

# The flags of a command, and of each of its words.
flag_table() {
  printf '_metaxbar_flags() {\n  case "$1 $2" in\n'
  commands | while read -r c; do
    words "$c" | cut -d ' ' -f 1 | uniq | while read -r word; do printf '    "%s %s") echo "%s" ;;\n' "$c" "$word" "$(flags "$c" $(words "$c" | grep -m 1 -E "^$word( |$)") | tr '\n' ' ')"; done
    printf '    "%s "*) echo "%s" ;;\n' "$c" "$(flags "$c" | tr '\n' ' ')"
  done
  printf '  esac\n}\n\n'
}

script() {
  printf '# Completes the command line of metaxbar in bash (and zsh, after bashcompinit). Generated from --help.\n\n'
  printf '_metaxbar_commands="%s"\n\n' "$(commands | tr '\n' ' ' | sed 's/ $//')"
  lists _metaxbar_words words ';'
  flag_table
  tables
  printf '_metaxbar_takes_value() {\n  case $1 in %s) return 0 ;; *) return 1 ;; esac\n}\n\n' "$(valued_flags | paste -sd '|')"
  cat <<'END'
# What follows this first word on lines; the word is what has been typed, so it is compared and not run.
_metaxbar_rest() {
  local first rest
  while read -r first rest; do [ "$first" != "$1" ] || echo "$rest"; done
}

# Values of the setting that has been typed up to "=". bash takes "=" for the end of a word, zsh does not.
_metaxbar_value() {
  local name=${1%%=*} typed=${1#*=} before=
  case ${COMP_WORDBREAKS-} in *=*) ;; *) before=$name= ;; esac
  local choices=$(_metaxbar_settings "$2" "$3" | _metaxbar_rest "$name")
  if [ "$choices" = "=FILE" ]; then COMPREPLY=($(compgen -P "$before" -f -- "$typed"))
  else COMPREPLY=($(compgen -P "$before" -W "$choices" -- "$typed")); fi
}

# Sections while there is no dot, then the settings of one.
_metaxbar_name() {
  local names=$(_metaxbar_settings "$2" "$3" | cut -d ' ' -f 1)
  case $1 in
    *.*) COMPREPLY=($(compgen -S = -W "$names" -- "$1")) ;;
    *) COMPREPLY=($(compgen -S . -W "$(printf '%s\n' "$names" | cut -d . -f 1 | sort -u)" -- "$1")) ;;
  esac
  compopt -o nospace 2>/dev/null || true
}

_metaxbar_word() {  # the word or words that may follow what is there
  local all=$(_metaxbar_words "$2" | tr ';' '\n')
  if [ -z "$3" ]; then COMPREPLY+=($(compgen -W "$(printf '%s\n' "$all" | cut -d ' ' -f 1 | uniq)" -- "$1"))
  elif [ -z "$4" ]; then COMPREPLY+=($(compgen -W "$(printf '%s\n' "$all" | _metaxbar_rest "$3")" -- "$1")); fi
}

_metaxbar() {
  local i cur= previous= command= first= second=
  COMPREPLY=()
  for ((i = 1; i <= COMP_CWORD; i++)); do  # words as the shell gives them to programs: "a = b" put together again
    case ${COMP_WORDS[i]} in
      =) cur=$cur=; continue ;;
    esac
    if [[ $cur == *= && ${COMP_WORDS[i - 1]} == = ]]; then cur=$cur${COMP_WORDS[i]}; continue; fi
    case $cur in
      '' | -* | *=*) ;;
      *) if _metaxbar_takes_value "$previous"; then :
         elif [ -z "$command" ]; then command=$cur; elif [ -z "$first" ]; then first=$cur; else second=$cur; fi ;;
    esac
    previous=$cur cur=${COMP_WORDS[i]}
  done
  if [ -z "$command" ]; then COMPREPLY=($(compgen -W "$_metaxbar_commands --help --version" -- "$cur")); return; fi
  if _metaxbar_takes_value "$previous"; then COMPREPLY=($(compgen -f -- "$cur")); return; fi
  case $cur in
    -*) COMPREPLY=($(compgen -W "$(_metaxbar_flags "$command" "$first")" -- "$cur")) ;;
    *=*) _metaxbar_value "$cur" "$command" "$first" ;;
    *.*) _metaxbar_name "$cur" "$command" "$first" ;;
    *) _metaxbar_word "$cur" "$command" "$first" "$second"
       [ ${#COMPREPLY[@]} -gt 0 ] || _metaxbar_name "$cur" "$command" "$first" ;;
  esac
}
complete -o default -F _metaxbar metaxbar
END
}

script >"$folder/metaxbar"
{
  printf '#compdef metaxbar\nautoload -U +X bashcompinit && bashcompinit\n'
  cat "$folder/metaxbar"
  printf '\n_bash_complete -o default -F _metaxbar\n'
} >"$folder/_metaxbar"
