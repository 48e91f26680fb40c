#!/usr/bin/env bash
# Measure the accuracy of the shipped models after each update and draw docs/accuracy.png.
#   tools/figure_accuracy.sh OMNIGLOT [PUBLISHED.safetensors]
# OMNIGLOT holds the two archives; the published weights of the paper are not part of this repository.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
omniglot=$1 published=${2:-}
csv=docs/accuracy.csv

curve() {  # label, model, further settings
  local label=$1 model=$2
  shift 2
  build/metaxbar eval fewshot --model "$model" data.kind=omniglot data.path="$omniglot" "$@" |
    awk -v label="$label" '$1 ~ /^[0-9]+$/ && NF == 4 { print label "," $1 "," $2 "," $3 }'
}

{
  echo "model,updates,accuracy,ci95"
  [ -z "$published" ] || curve "published weights" "$published"
  curve "32 bit" models/omniglot-5w5s.safetensors
  curve "32 bit - support statistics" models/omniglot-5w5s.safetensors eval.batchnorm=support
  curve "4 bit" models/omniglot-5w5s-4bit.safetensors
} > "$csv.tmp"
mv "$csv.tmp" "$csv"

command -v gnuplot >/dev/null || { echo "gnuplot is missing: $csv is there, no picture" >&2; exit 0; }
gnuplot <<'GP'
set terminal pngcairo size 900,460 font "Sans,11"
set output "docs/accuracy.png"
set datafile separator ","
set xlabel "updates of the read-out"
set ylabel "accuracy on unseen characters, %"
set xrange [-0.2:4.2]
set xtics 1
set yrange [0:102]
set grid ytics lc rgb "#dddddd"
set key bottom right reverse Left
set border 3
set tics nomirror
labels = system("tail -n +2 docs/accuracy.csv | cut -d, -f1 | uniq | sed 's/.*/\"&\"/' | tr '\n' ' '")
colours = "#888888 #1f5fa8 #58a0d8 #d9822b"
plot for [i=1:words(labels)] "docs/accuracy.csv" \
  using (strcol(1) eq word(labels, i) ? $2 : NaN):3:4 with yerrorlines lw 2 pt 7 ps 0.8 \
  lc rgb word(colours, i) title word(labels, i)
GP
echo "wrote $csv and docs/accuracy.png"
