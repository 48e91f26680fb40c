#!/usr/bin/env bash
# settings_reference.sh PROGRAM [FILE]: writes docs/settings.md, the settings by section, from what PROGRAM's --help says
# (tools/help.sh). With FILE: compares FILE with it and writes nothing.
set -euo pipefail
[ $# -eq 1 ] || [ $# -eq 2 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
program=$1
. "$(dirname "$0")/help.sh"
page=$(mktemp)
trap 'rm -f "$page"' EXIT

# One line a section: name, a tab, what it holds. The order of the page.
sections() {
  cat <<'END'
data	Images, how the classes are split, and what training does to the images ([adding a data set](adding_a_data_set.md)).
net	The classifier and the dense network: sizes and layers.
trajectory	Random movements of the arm.
arm	The geometry of the arm, its joint limits, and which arm performs ([three arms](physical_arm.md)).
code	The inputs of the spiking networks: the target path as spikes, and the clock.
lsg	The learning signal generator, one of the two spiking networks.
trainee	The trainee, the other network, which performs the movement.
update	The update of the trainee (e-prop).
loss	The loss of the meta-training of the two spiking networks.
noise	Errors of the chip in the training of the arm ([training the arm](arm_training.md)).
train	Meta-training.
eval	Evaluation.
learn	Classes of your own pictures ([your own pictures](own_pictures.md)).
target	A path of your own for the arm.
synapse	How weights are represented: exact numbers, few bits, or a chip.
chip	The chip ([the chip model](chip_model.md)).
verify	Writing by program-and-verify (`chip.programming=verify`).
ledger	Energy and time of the operations of a chip.
digital	Energy of digital arithmetic beside the chip (`chip alternatives`).
tradeoff	Policies that `chip tradeoff` compares.
driver	What `driver check` accepts ([drivers](drivers.md#check-a-driver)).
device	Which device model `device` characterises, and how.
measure	How `device --driver` measures ([measuring a table](drivers.md#measure-a-device-table)).
physics	The simulated arm (`arm.kind=physics`).
link	The connection to the real arm (`arm.kind=mqtt`).
report	How much `report` measures.
sweep	What a [sweep](sweep.md) trains and evaluates.
run	Random numbers and threads.
END
}

# Every setting with the command that reads it: COMMAND, a tab, the line of --help. `bench` and `model` read what train,
# eval and chip read, `learn` and `classify` some of it.
settings() {
  local command part
  settings_of learn | grep '^ *learn[.]' | sed 's/^ */learn\t/'
  for command in train eval sweep chip driver data device arm report; do
    parts "$command" | while read -r part; do
      # shellcheck disable=SC2086
      settings_of "$command" $part | sed "s/^ */$command${part:+ $part}\t/"
    done
  done
}

head_of_page() {
  cat <<'END'
# Settings

A setting is given as `section.name=value` on the command line, or in an INI file that `-c FILE` names:

    metaxbar eval fewshot --model models/builtin-5w5s.safetensors data.kind=builtin eval.tasks=200

The same in a file:

    [data]
    kind = builtin
    [eval]
    tasks = 200

Defaults come first, then what the model file records, then the file of `-c`, then the command line: the later one wins.
A setting that has no effect on the command is an error, as are an unknown name and a value out of range. `yes` and `no`
are written like this; "text" is any text, such as a path. The unit is in the name or in the description: `_s` seconds, `_m`
metres, `_deg` degrees, `_Hz` hertz, `_J` joules, `_px` pixels.

Each section names the commands that read it; the last column of a table names those that read a setting where not all
of them do. A setting that is listed twice has other defaults, or another meaning, in these commands. `bench NAME` takes
the settings of `train NAME` and `eval NAME`; `learn` and `classify` take those that their `--help` lists; `model convert`
and `model resize` take those that a model file records.

This page is written by `tools/settings_reference.sh` from what `metaxbar COMMAND --help` prints.
END
}

# section NAME TEXT: the table of a section, from the lines in $work
table() {
  awk -F '\t' -v section="$1" -v text="$2" '
    function shown(s) { gsub(/\|/, "\\|", s); gsub(/</, "\\&lt;", s); return s }
    index($2, section ".") == 1 {
      line = $2; name = line; sub(/ .*/, "", name); sub(/^[^ ]+ +/, "", line)
      limits = line; sub(/.* \(/, "", limits); sub(/\)$/, "", limits)
      help = substr(line, 1, length(line) - length(limits) - 3)
      key = name "\t" help "\t" limits
      if (!(key in readers)) { order[++n] = key; names[n] = name }
      if (!(key SUBSEP $1 in seen)) { seen[key, $1]; readers[key] = readers[key] (readers[key] ? ", " : "") $1; count[key]++ }
      if (!($1 in command)) { command[$1]; all = all (all ? ", " : "") "`" $1 "`"; total++ }
    }
    END {
      if (!n) exit 3
      for (k = 1; k <= n; k++) if (count[order[k]] < total) some = 1
      printf "\n## %s\n\n%s\nRead by %s.\n\n| setting | meaning | values | default |%s\n", section, text, all, some ? " only in |" : ""
      print "|---|---|---|---|" (some ? "---|" : "")
      for (k = 1; k <= n; k++) {  # the rows of one name together, where the first stands
        if (done[k]) continue
        for (j = k; j <= n; j++) {
          if (names[j] != names[k]) continue
          done[j] = 1
          split(order[j], part, "\t")
          values = part[3]; value = ""
          if (match(values, /(, )?default /)) { value = substr(values, RSTART + RLENGTH); values = substr(values, 1, RSTART - 1) }
          gsub(/\|/, ", ", values)
          printf "| `%s` | %s | %s | %s |", names[j], shown(part[2]), values, (value == "" ? "" : "`" value "`")
          print some ? " " (count[order[j]] < total ? readers[order[j]] : "") " |" : ""
        }
      }
    }' "$work"
}

work=$(mktemp)
trap 'rm -f "$page" "$work"' EXIT
settings >"$work"
head_of_page >"$page"
sections | while IFS=$'\t' read -r name text; do table "$name" "$text" || { echo "no setting of $name" >&2; exit 1; }; done >>"$page"

missing=$(cut -f 2 "$work" | sed 's/[.].*//' | sort -u | grep -vxF -f <(sections | cut -f 1)) || true
[ -z "$missing" ] || { echo "sections without a line in $0: $missing" >&2; exit 1; }
if [ $# -eq 1 ]; then cat "$page" >"$(dirname "$0")/../docs/settings.md"
elif ! diff -u "$2" "$page"; then
  echo "$2 is not what $0 $program writes" >&2
  exit 1
fi
