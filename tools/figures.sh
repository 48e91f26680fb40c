#!/usr/bin/env bash
# Every figure of the documentation, their data, and the tables of docs/results.md and docs/cifar.md, from the shipped models. README.md
# repeats some of their rows (tools/check_figures.sh).
#   tools/figures.sh [device] [arm] [movements] [characters] [ways] [classes] [physics] [cifar] [incremental] [report]     these parts; all, if none is named
#   make figures [OMNIGLOT=DIR] [CIFAR=PATH] [PUBLISHED=DIR] [FORMAT=png|svg|pdf] [TASKS=1000] [MOVEMENTS=500]
# OMNIGLOT, CIFAR: see tools/tables.sh. BASE: the model of incremental, trained on 60 classes (default models/cifar-base.safetensors). PUBLISHED: folder of the paper's weights, paper_cnn and paper_arm .safetensors, which are not
# part of this repository; without it their rows stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/tables.sh
published=${PUBLISHED:-} format=${FORMAT:-png} tasks=${TASKS:-1000} movements=${MOVEMENTS:-500} figures=docs/figures
case $format in png|svg|pdf) ;; *) echo "FORMAT=$format: png, svg or pdf" >&2; exit 2 ;; esac
command -v gnuplot >/dev/null || { echo "gnuplot is missing (package gnuplot-nox)" >&2; exit 1; }
mkdir -p $figures

terminal() { case $format in png) echo 'pngcairo size 900,460 font "Sans,11"' ;; svg) echo 'svg size 900,460 font "Sans,11" background "#ffffff"' ;; pdf) echo 'pdfcairo size 9in,4.6in font "Sans,12"' ;; esac; }

# old NAME LABEL: the rows of a table in docs/results.md that begin with this label, where they cannot be measured
old() { sed -n "/^<!-- $1 -->$/,/^<!-- end -->$/p" docs/results.md | grep -F "| $2 |" || true; }

# ---- characters

# classifier ROW SERIES MODEL SETTING...: a row of the table; with a series also points of the figure
classifier() {
  local row=$1 series=$2 model=$3
  shift 3
  echo "characters: $row, $*" >&2
  $metaxbar eval fewshot --model "$model" data.kind=omniglot data.path="$omniglot" eval.tasks="$tasks" eval.batchnorm=task "$@" > "$work/out"
  local rule later=""
  rule=$(sed -n "1s/.*batch norm '\([a-z]*\)'.*/\1/p" "$work/out")
  later=$(awk '/^seconds later/ { getline; print $2 " +- " $3 }' "$work/out")
  awk -v row="$row" -v rule="$rule" -v later="$later" '
    $1 ~ /^[0-4]$/ && $2 ~ /^[0-9.]+$/ { v[$1] = $2; ci = $3; w += $5; n++ }
    END { if (later) printf "| %s | %s | | | | | %s | |\n", row, rule, later
          else printf "| %s | %s | %.1f | %.1f | %.1f | %.1f | **%.2f +- %.2f** | %s |\n", row, rule, v[0], v[1], v[2], v[3], v[4], ci, w ? sprintf("%.0f", w/(n - 1)) : "" }' "$work/out" >> "$work/table"
  [ -z "$series" ] || awk -v s="$series" '$1 ~ /^[0-4]$/ && $2 ~ /^[0-9.]+$/ { print s "," $1 "," $2 "," $3 }' "$work/out" >> "$work/accuracy.csv"
}

characters() {
  local m=models/omniglot-learned chip="synapse.kind=chip chip.preset=hermes eval.chips=10"
  echo "model,updates,accuracy,ci95" > "$work/accuracy.csv"
  printf '| weights | batch norm (*task* needs balanced queries) | 0 | 1 | 2 | 3 | 4 updates | devices rewritten per update |\n|---|---|---|---|---|---|---|---|\n' > "$work/table"
  if [ -n "$published" ]; then
    classifier "published, software" "published - software" "$published/paper_cnn.safetensors" data.preprocessing=published
    classifier "published, chip, scale of the matrix" "published - chip" "$published/paper_cnn.safetensors" data.preprocessing=published $chip
  else
    skipped "rows of the published weights keep their values (PUBLISHED=DIR)"
    { old characters "published, software"; old characters "published, chip, scale of the matrix"; } >> "$work/table"
    grep '^published' $figures/accuracy.csv >> "$work/accuracy.csv" || true
  fi
  classifier "ours, software" "ours - software" $m.safetensors
  classifier "ours, software" "" $m.safetensors eval.batchnorm=support
  classifier "ours, 4 bit" "ours - 4 bit" $m-4bit.safetensors
  classifier "ours, chip, scale of each column" "ours - chip" $m-chip.safetensors $chip
  classifier "ours, chip, scale of each column" "" $m-chip.safetensors $chip eval.batchnorm=support
  classifier "ours, chip, scale of each column" "" $m-chip.safetensors $chip eval.batchnorm=chip
  classifier "ours, chip, a month after learning" "" $m-chip.safetensors $chip eval.later_s=2592000
  classifier "ours, chip, 1 % of the devices stuck" "" $m-chip.safetensors $chip chip.fault_reset=0.005 chip.fault_set=0.005
  classifier "ours, trained on invented characters only, software" "" models/builtin-5w5s.safetensors
  replace characters "$work/table"
  cp "$work/accuracy.csv" $figures/accuracy.csv
  draw_accuracy
}

draw_accuracy() {
  gnuplot -d -e "set terminal $(terminal)" /dev/stdin > "$work/picture" <<'GP'
csv = "docs/figures/accuracy.csv"
set datafile separator ","
set xlabel "updates of the read-out"
set ylabel "accuracy on unseen characters, %"
set xtics 1
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
labels = system("tail -n +2 docs/figures/accuracy.csv | cut -d, -f1 | uniq | sed 's/.*/\"&\"/' | tr '\n' ' '")
colours = "#999999 #555555 #1f5fa8 #58a0d8 #d9822b"
set multiplot layout 1,2
set xrange [-0.2:4.2]
set yrange [0:102]
set key bottom right reverse Left
plot for [i=1:words(labels)] csv using (strcol(1) eq word(labels, i) ? $2 : NaN):3:4 with yerrorlines lw 2 pt 7 ps 0.8 lc rgb word(colours, i) title word(labels, i)
set xrange [0.8:4.2]
set yrange [95:100]
unset key
plot for [i=1:words(labels)] csv using (strcol(1) eq word(labels, i) ? $2 : NaN):3:4 with yerrorlines lw 2 pt 7 ps 0.8 lc rgb word(colours, i)
unset multiplot
GP
  cp "$work/picture" $figures/accuracy.$format
  echo "wrote $figures/accuracy.$format"
}

# ---- colours

# image ROW SERIES MODEL SETTING...: a row of the table of docs/cifar.md; with a series also points of the figure
image() {
  local row=$1 series=$2 model=models/cifar-$3.safetensors
  shift 3
  echo "cifar: $row, $*" >&2
  $metaxbar eval fewshot --model "$model" $(colours) eval.tasks="$tasks" eval.batchnorm=support --scores "$work/${series:-other}.json" "$@" > "$work/out"
  local later
  later=$(awk '/^seconds later/ { getline; print $2 " +- " $3 }' "$work/out")
  awk -v row="$row" -v later="$later" '
    $1 ~ /^[0-5]$/ && $2 ~ /^[0-9.]+$/ { v[$1] = $2; last = $2; ci = $3; w += $5; n++ }
    END { printf "| %s | %s | %s | **%.2f +- %.2f** | %s | %s |\n", row, (n > 1 ? sprintf("%.1f", v[1]) : ""), (n > 1 ? sprintf("%.1f", v[2]) : ""), last, ci, (w ? sprintf("%.0f", w/(n - 1)) : ""), later }' "$work/out" >> "$work/cifar"
  [ -z "$series" ] || awk -v s="$series" '$1 ~ /^[0-5]$/ && $2 ~ /^[0-9.]+$/ { print s "," $1 "," $2 "," $3 }' "$work/out" >> "$work/accuracy.csv"
}

# difference ROW FIRST SECOND: of the scores of two series
difference() {
  $metaxbar compare "$work/$2.json" "$work/$3.json" | awk -v row="$1" '
    $1 == "difference" { printf "| %s | %.2f +- %.2f | %s |\n", row, 100*$2, 100*$4, substr($7, 1, length($7) - 1) }' >> "$work/cifar"
}

# The classes of CIFAR-100 with their test images; archives of the three parts become one folder.
all_colours() {
  if [ -f "$cifar/cifar-fs-test.zip" ]; then
    mkdir -p "$work/archives" "$work/colours"
    local part
    for part in train val test; do python3 -m zipfile -e "$cifar/cifar-fs-$part.zip" "$work/archives"; done
    find "$work/archives" -mindepth 2 -maxdepth 2 -type d -exec mv -t "$work/colours" {} +
    data="data.kind=folder data.path=$work/colours"
  else data="data.kind=cifar100 data.path=$cifar"; fi
  data="$data data.channels=3 data.size=32 data.test_images=100"
  $metaxbar data split $data | cut -f2 | LC_ALL=C sort | awk '{ print (NR <= 60 ? "training" : "evaluation") "\t" $0 }' > "$work/60-40.txt"
  data="$data data.split=$work/60-40.txt"
}

# stages ROW SETTING...: base classes, then five new ones at a time
stages() {
  local row=$1
  shift
  echo "cifar: incremental, $row, $*" >&2
  $metaxbar eval fewshot --model "$base" $data eval.method=incremental eval.base_shots=100 eval.shots=5 eval.stage=5 eval.queries=20 \
    eval.batchnorm=chip eval.tasks=10 "$@" > "$work/out"
  awk -v row="$row" '
    /^mean over the stages:/ { mean = $5 " +- " $7 }
    /^at the end, base classes:/ { base = $6 " +- " $8 }
    /^at the end, new classes:/ { fresh = $6 " +- " $8 }
    /^seconds later/ { later = 1; next }
    later && NF == 3 { after = after " " $2 " +- " $3 " |" }
    NF != 3 { later = 0 }
    $1 ~ /^[0-9]+$/ && NF == 3 && !later { a[$1] = $2; ci[$1] = $3 }
    /^learning a class writes/ { written = $5 }
    $1 == "read_energy_J" { energy = sprintf("%.2g mJ", 1e3*$3) }
    END { printf "| %s | %s | %s | %s +- %s | **%s** | %s | %s |%s %s | %s |\n", row, a[60], a[80], a[100], ci[100], mean, base, fresh, after ? after : " | |", written, energy }' "$work/out" >> "$work/incremental"
}

incremental() {
  local data base=${BASE:-models/cifar-base.safetensors} chip="synapse.kind=chip chip.preset=hermes chip.cores=64 eval.tasks=3 eval.chips=3 eval.later_s=86400,2592000"
  [ -f "$base" ] || { skipped "no network of 60 base classes, $base (BASE=MODEL)"; return; }
  all_colours
  printf '| | 60 classes | 80 | 100 | mean over the stages | base classes at the end | new classes at the end | all a day later | a month later | devices written a class | energy a class, at most |\n|---|---|---|---|---|---|---|---|---|---|---|\n' > "$work/incremental"
  stages "software, all images of base classes, all test images" eval.base_shots=500 eval.queries=100
  stages "software"
  stages "8-bit weights" synapse.kind=quantised synapse.bits=8
  stages "4-bit weights" synapse.kind=quantised synapse.bits=4
  stages "three chips" $chip
  stages "three chips, eight devices for each sign" $chip chip.devices_per_sign=8
  stages "... written for a day later" $chip chip.devices_per_sign=8 chip.aim_s=86400
  replace cifar_incremental "$work/incremental" docs/cifar.md
}

# training ROW MODEL PAPER SETTING...: loss and accuracy after the last update on training classes, as the paper's figure 3d, e
training() {
  local row=$1 model=models/cifar-$2.safetensors paper=$3
  shift 3
  echo "cifar: training classes, $row" >&2
  $metaxbar eval fewshot --model "$model" $(colours) eval.split=training eval.tasks=200 eval.batchnorm=task "$@" > "$work/out"
  awk -v row="$row" -v paper="$paper" '$1 ~ /^[0-5]$/ && $2 ~ /^[0-9.]+$/ { accuracy = $2; ci = $3; loss = $4 }
    END { printf "| %s | %.3f | %s +- %s | %s |\n", row, loss, accuracy, ci, paper }' "$work/out" >> "$work/training"
}

cifar() {
  local chip="synapse.kind=chip chip.preset=hermes chip.cores=64 eval.chips=10 eval.later_s=2592000"
  echo "model,updates,accuracy,ci95" > "$work/accuracy.csv"
  printf '| weights | 1 update | 2 | 5 updates | devices rewritten per update | a month later |\n|---|---|---|---|---|---|\n' > "$work/cifar"
  image "5 shots, software" "32 bit" 5w5s
  image "5 shots, software, nearest class mean in place of updates" "centroid" 5w5s eval.method=centroid
  image "5 shots, 4 bit" "4 bit" 5w5s-4bit
  image "5 shots, chip" "chip" 5w5s-chip $chip
  image "5 shots, chip, eight devices for each sign" "chip 8" 5w5s $chip chip.devices_per_sign=8
  image "... written for a day later" "chip 8 aimed" 5w5s $chip chip.devices_per_sign=8 chip.aim_s=86400
  image "1 shot, software" "" 5w1s eval.shots=1
  image "1 shot, software, rule *chip*" "" 5w1s eval.shots=1 eval.batchnorm=chip
  image "1 shot, software, nearest class mean in place of updates" "" 5w1s eval.shots=1 eval.method=centroid
  printf '\nDifferences task by task (`metaxbar compare`), points:\n\n| | difference | p |\n|---|---|---|\n' >> "$work/cifar"
  difference "4 bit - 32 bit" "4 bit" "32 bit"
  difference "chip - 32 bit" chip "32 bit"
  difference "chip, eight devices for each sign - 32 bit" "chip 8" "32 bit"
  difference "... written for a day later - 32 bit" "chip 8 aimed" "32 bit"
  difference "5 updates - nearest class mean" "32 bit" "centroid"
  replace cifar "$work/cifar" docs/cifar.md
  printf '| weights | loss | accuracy, %% | loss of Ortner et al. |\n|---|---|---|---|\n' > "$work/training"
  training "32 bit" 5w5s "0.353 +- 0.008"
  training "4 bit" 5w5s-4bit "0.559 +- 0.009"
  training "chip" 5w5s "" synapse.kind=chip chip.preset=hermes chip.cores=64 eval.chips=10
  replace cifar_training "$work/training" docs/cifar.md
  cp "$work/accuracy.csv" $figures/cifar_accuracy.csv
  draw_cifar
}

# The losses of training are columns of the metrics.csv of three runs (docs/cifar.md), in docs/figures/cifar_training.csv.
draw_cifar() {
  gnuplot -d -e "set terminal $(terminal)" /dev/stdin > "$work/picture" <<'GP'
training = "docs/figures/cifar_training.csv"
accuracy = "docs/figures/cifar_accuracy.csv"
set datafile separator ","
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
colours = "#1f5fa8 #58a0d8 #d9822b"
series(i) = i == 1 ? "32 bit" : i == 2 ? "4 bit" : "chip"
set multiplot layout 1,2
set xlabel "outer updates"
set xtics 500
set ylabel "query loss in training"
set key top right
plot for [i=1:3] training using (strcol(1) eq series(i) ? $2 : NaN):3 with lines lw 2 lc rgb word(colours, i) title series(i)
set xlabel "updates of the read-out"
set ylabel "accuracy on unseen classes, %"
set xtics 1
set xrange [-0.2:5.2]
set yrange [0:100]
unset key
plot for [i=1:3] accuracy using (strcol(1) eq series(i) ? $2 : NaN):3:4 with yerrorlines lw 2 pt 7 ps 0.8 lc rgb word(colours, i)
unset multiplot
GP
  cp "$work/picture" $figures/cifar.$format
  echo "wrote $figures/cifar.$format"
}

# ---- the arm

# movement ROW MODEL SETTING...
movement() {
  local row=$1 model=$2
  shift 2
  echo "arm: $row, $*" >&2
  $metaxbar eval arm --model "$model" eval.trajectories="$movements" "$@" > "$work/out"
  awk -v row="$row" '
    $1 == "before" { before = $2 }
    $1 == "after" { cm = $2; sd = $4; base = $6; shoulder = $9 }
    /^firing rates/ { rates = $4 " / " $9 }
    /^weights changed/ { changed = $3 " / " $7 }
    $1 == "devices_written" { devices = sprintf("%.0f", $3) }
    END { printf "| %s | %s | **%s +- %s** | %s / %s | %s | %s | %s |\n", row, before, cm, sd, base, shoulder, rates, changed, devices }' "$work/out" >> "$work/arm"
}

arm() {
  local model=models/arm.safetensors on_chip=models/arm-chip.safetensors wide=models/arm-wide.safetensors wide_on_chip=models/arm-wide-chip.safetensors
  local cores="chip.cores=16" free="trajectory.generator=published trajectory.free=yes" chip="synapse.kind=chip chip.preset=hermes eval.chips=10"
  printf '| weights, movements | cm before | cm after | rad/s, base / shoulder | Hz, trainee / LSG | %% of weights changed, W_in / W_rec | devices rewritten |\n|---|---|---|---|---|---|---|\n' > "$work/arm"
  if [ -n "$published" ]; then
    movement "published, software, free" "$published/paper_arm.safetensors" $free
    movement "published, chip, free" "$published/paper_arm.safetensors" $free $chip
    movement "published, chip, free, columns corrected after the update" "$published/paper_arm.safetensors" $free $chip eval.later_s=1
  else
    skipped "rows of the published weights keep their values (PUBLISHED=DIR)"
    { old arm "published, software, free"; old arm "published, chip, free"; old arm "published, chip, free, columns corrected after the update"; } >> "$work/arm"
  fi
  movement "ours, software, all" $model
  movement "ours, software, free" $model $free
  movement "ours, wide, software, all" $wide
  movement "ours, wide, software, free" $wide $free
  movement "ours, chip, all" $on_chip $chip
  movement "ours, chip, free" $on_chip $chip $free
  movement "ours, chip, all, performed an hour after the update" $on_chip $chip eval.later_s=3600
  movement "ours, wide, chip of 16 cores, all" $wide_on_chip $chip $cores
  movement "ours, wide, chip of 16 cores, free" $wide_on_chip $chip $cores $free
  movement "ours, wide, chip of 16 cores, all, performed an hour after the update" $wide_on_chip $chip $cores eval.later_s=3600
  replace arm "$work/arm"
  $metaxbar eval arm --model $model eval.trajectories=1 --out $figures/arm_software.csv > /dev/null
  $metaxbar eval arm --model $on_chip eval.trajectories=1 $chip eval.chips=1 --out $figures/arm_chip.csv > /dev/null
  tools/figure_arm.sh $figures/arm_software.csv $figures/arm_chip.csv $figures/arm.$format
}

# ---- few writes

# changes ROW NAME MODEL SETTING...: how the changes of the one update are made, beside $work/NAME-sparse.json
changes() {
  local row=$1 name=$2 model=$3 scores
  shift 3
  scores=$work/$name-$((++n_changes)).json
  echo "writes: $row, $name" >&2
  $metaxbar eval arm --model "models/$model.safetensors" eval.trajectories="$movements" synapse.kind=chip chip.preset=hermes eval.chips=10 "$@" \
    --scores "$scores" > "$work/out"
  [ -e "$work/$name-sparse.json" ] || cp "$scores" "$work/$name-sparse.json"
  $metaxbar compare "$scores" "$work/$name-sparse.json" > "$work/compared"
  awk -v row="$row" -v name="$name" '
    FILENAME ~ /compared$/ && $1 == "difference" { difference = $2 " +- " $4 }
    $1 == "after" { cm = $2 " +- " $5 }
    /^weights changed/ { changed = $3 " / " $7 }
    $1 == "weights_written" { weights = sprintf("%.1f", 100*$3/$2) }
    $1 == "devices_written" { devices = sprintf("%.0f", $3) }
    END { printf "| %s, %s | %s | %s | %s | %s | %s |\n", name, row, cm, row == "sparse" ? "" : difference, weights, changed, devices }' \
    "$work/compared" "$work/out" >> "$work/writes"
}

writes() {
  local any="trajectory.family=mixed trajectory.elsewhere=0" n_changes=0
  printf '| model, `update.grid` | cm | more than sparse, cm | %% of weights changed | W_in / W_rec | devices rewritten |\n|---|---|---|---|---|---|\n' > "$work/writes"
  changes sparse arm-chip arm-chip update.grid=sparse
  changes pursuit arm-chip arm-chip
  changes "pursuit, \`update.pursuit_gain=0.3\`, \`update.pursuit_ridge=300\`" arm-chip arm-chip update.pursuit_gain=0.3 update.pursuit_ridge=300
  changes exact arm-chip arm-chip update.grid=exact
  changes sparse arm-any-chip arm-any-chip update.grid=sparse $any
  changes pursuit arm-any-chip arm-any-chip $any
  changes "pursuit, \`update.pursuit_gain=0.3\`, \`update.pursuit_ridge=300\`" arm-any-chip arm-any-chip update.pursuit_gain=0.3 update.pursuit_ridge=300 $any
  changes exact arm-any-chip arm-any-chip update.grid=exact $any
  changes sparse arm-wide-chip arm-wide-chip chip.cores=16 update.grid=sparse
  changes pursuit arm-wide-chip arm-wide-chip chip.cores=16
  changes exact arm-wide-chip arm-wide-chip chip.cores=16 update.grid=exact
  replace writes "$work/writes"
}

# ---- class means: any number of ways and shots

# last: accuracy and interval of the last update of the evaluation in $work/out
last() { awk '$1 ~ /^[0-9]+$/ && $2 ~ /^[0-9.]+$/ { v = $2 " +- " $3 } END { printf "%s", v }' "$work/out"; }

# protocols ROW MODEL SETTING...: a row with 5-way and 20-way tasks of 1 and 5 shots
protocols() {
  local row=$1 model=$2 ways shots
  shift 2
  printf '| %s |' "$row" >> "$work/ways"
  for ways in 5 20; do
    for shots in 1 5; do
      echo "ways: $row, $ways ways, $shots shots" >&2
      $metaxbar eval fewshot --model "models/$model.safetensors" data.kind=omniglot data.path="$omniglot" eval.tasks="$tasks" \
        eval.ways=$ways eval.shots=$shots "$@" > "$work/out"
      printf ' %s |' "$(last)" >> "$work/ways"
    done
  done
  echo >> "$work/ways"
}

# grid METHOD SETTING...: accuracy for each number of shots and ways, a line each
grid() {
  local method=$1 ways shots
  shift
  for shots in 1 2 5 10; do
    for ways in 3 5 10 20 50; do
      echo "ways: $method, $ways ways, $shots shots" >&2
      $metaxbar eval fewshot --model models/omniglot-any.safetensors data.kind=omniglot data.path="$omniglot" eval.tasks=$((tasks/10)) \
        eval.ways=$ways eval.shots=$shots eval.batchnorm=support eval.method="$method" "$@" > "$work/out"
      printf '%s %s %s\n' "$shots" "$ways" "$(last)"
    done
  done
}

ways() {
  local chip="synapse.kind=chip chip.cores=16 eval.chips=10 eval.updates=0 chip.scale=column eval.tasks=$((tasks/2))"
  printf '| model, rule | 5 ways, 1 shot | 5 ways, 5 shots | 20 ways, 1 shot | 20 ways, 5 shots |\n|---|---|---|---|---|\n' > "$work/ways"
  for rule in support chip task; do protocols "\`omniglot-any\`, *$rule*" omniglot-any eval.batchnorm=$rule; done
  protocols "\`omniglot-any-4bit\`, 4-bit weights, *support*" omniglot-any-4bit eval.batchnorm=support
  protocols "\`omniglot-any\`, ten chips, class means alone, *support*, half as many tasks" omniglot-any eval.batchnorm=support $chip
  protocols "... eight devices a sign" omniglot-any eval.batchnorm=support $chip chip.devices_per_sign=8
  for rule in support chip task; do
    protocols "random characters: \`omniglot-characters\`, *$rule*" omniglot-characters data.protocol=characters eval.batchnorm=$rule
  done
  for model in omniglot-any omniglot-alphabets; do
    for rule in support chip; do protocols "within alphabets: \`$model\`, *$rule*" $model data.tasks=alphabet eval.batchnorm=$rule; done
  done
  protocols "16 views of each image: \`omniglot-any\`, *chip*" omniglot-any eval.batchnorm=chip eval.views=16
  protocols "... within alphabets" omniglot-any data.tasks=alphabet eval.batchnorm=chip eval.views=16
  protocols "... within alphabets: \`omniglot-alphabets\`, 48 views" omniglot-alphabets data.tasks=alphabet eval.batchnorm=chip eval.views=48
  protocols "... random characters: \`omniglot-characters\`, *task*" omniglot-characters data.protocol=characters eval.batchnorm=task eval.views=16
  replace ways "$work/ways"
  grid adapt > "$work/adapted"
  grid centroid > "$work/means"
  printf '| shots | 3 ways | 5 ways | 10 ways | 20 ways | 50 ways |\n|---|---|---|---|---|---|\n' > "$work/grid"
  paste -d' ' "$work/adapted" "$work/means" | awk '
    $1 != shots { if (shots) print ""; shots = $1; printf "| %d |", $1 }
    { printf " %s (%s) |", $3, $8 }
    END { print "" }' >> "$work/grid"
  replace grid "$work/grid"
}

# classes that keep coming

# sequence ROW SETTING...: accuracy over all classes so far
sequence() {
  local row=$1
  shift
  echo "classes: $row, $*" >&2
  $metaxbar eval fewshot --model models/omniglot-any.safetensors data.kind=omniglot data.path="$omniglot" eval.method=incremental \
    eval.ways=250 eval.shots=10 eval.queries=10 eval.batchnorm=chip eval.tasks=10 "$@" > "$work/out"
  awk -v row="$row" '
    /^seconds later/ { later = 1; $0 = ""; next }
    later && NF == 3 { after = after " " $2 " +- " $3 " |" ; next }
    later && NF != 3 { later = 0 }
    $1 ~ /^[0-9]+$/ && NF == 3 && !later { a[$1] = $2; ci[$1] = $3 }
    /^learning a class writes/ { written = $5 }
    $1 == "read_energy_J" { energy = sprintf("%.0f uJ", 1e6*$3) }
    END { if (written && !energy) energy = "not priced"
          printf "| %s | %s | %s | %s | %s +- %s |%s %s | %s |\n", row, a[25], a[100], a[200], a[250], ci[250], after ? after : " | |", written, energy }' "$work/out" >> "$work/classes"
}

classes() {
  local chip="synapse.kind=chip chip.cores=8 eval.chips=10 eval.later_s=86400,2592000"
  printf '| | 25 classes | 100 | 200 | 250 | all a day later | a month later | devices written a class | energy a class, at most |\n|---|---|---|---|---|---|---|---|---|\n' > "$work/classes"
  sequence "software"
  sequence "8-bit weights" synapse.kind=quantised synapse.bits=8
  sequence "ten chips, scale of the matrix" $chip chip.scale=matrix
  sequence "ten chips, scale of each column" $chip chip.scale=column
  sequence "ten chips, eight devices a sign, written for a day later" $chip chip.scale=matrix chip.devices_per_sign=8 chip.aim_s=86400
  replace classes "$work/classes"
}

# ---- what the properties of chips cost

# property ROW SETTING...: both models on ten chips
# family ROW MODEL SETTING...: a row of the distances of every family of movements, cm
family() {
  local row=$1 model=$2
  shift 2
  echo "movements: $row, $*" >&2
  $metaxbar eval arm --model "$model" trajectory.family=mixed eval.trajectories=$((5*movements)) "$@" > "$work/out"
  awk -v row="$row" '
    $1 ~ /^(paper|reach|rest|stroke|ripple)$/ { cell[$1] = $2 " +- " $5 }
    END { printf "| %s | %s | %s | %s | %s | %s |\n", row, cell["paper"], cell["reach"], cell["rest"], cell["stroke"], cell["ripple"] }' "$work/out" >> "$work/families"
}

# body ROW MODEL SETTING...: the same for the simulated body, from the target and from the commands
body() {
  local row=$1 model=$2 f k
  shift 2
  echo "movements: $row, $*" >&2
  printf '| %s |' "$row" >> "$work/families"
  for f in paper reach rest stroke ripple; do
    for k in $(seq 1 $((movements/10))); do
      $metaxbar arm --model "$model" arm.kind=physics trajectory.family=$f run.seed=$k --json "$@" 2>/dev/null
    done | grep -o '"[a-z]*_performed": [0-9.e+-]*' | awk '
      /target/ { t += $2; n++ } /commanded/ { c += $2 } END { printf " %.2f (%.2f) |", t/n, c/n }' >> "$work/families"
  done
  echo >> "$work/families"
}

# chain PATH SECONDS
short="target.piece_s=0.5 target.blend_s=0.3"  # pieces of a chain
chain() {
  local path=$1 row=$2
  shift 2
  echo "movements: $path" >&2
  local model software="" chip
  for model in arm-any arm-any-wide; do
    software+=" | "$($metaxbar eval arm --model models/$model.safetensors target.file="examples/paths/$path.csv" "$@" 2>/dev/null | awk '$1 == "after" { print $2 }')
  done
  chip=$(for k in 1 2 3 4 5 6 7 8 9 10; do
    $metaxbar eval arm --model models/arm-any-chip.safetensors target.file="examples/paths/$path.csv" synapse.kind=chip chip.preset=hermes run.seed=$k "$@" 2>/dev/null
  done | awk '$1 == "after" { s += $2; n++ } END { printf "%.2f", s/n }')
  echo "| $row$software | $chip |" >> "$work/chains"
}

movements() {
  local model=models/arm-any.safetensors wide=models/arm-any-wide.safetensors on_chip=models/arm-any-chip.safetensors chip="synapse.kind=chip chip.preset=hermes eval.chips=10"
  local home=trajectory.elsewhere=0 away=trajectory.elsewhere=1 later="chip.aim_s=2400 chip.update_aim_s=2400"
  printf '| model | paper | reach | rest | stroke | ripple |\n|---|---|---|---|---|---|\n' > "$work/families"
  family "\`arm-any\`, 231 neurons, from home" $model $home
  family "... from anywhere" $model $away
  family "\`arm-any-paper\`, the paper's inputs, 250 neurons, from home" models/arm-any-paper.safetensors $home
  family "... from anywhere" models/arm-any-paper.safetensors $away
  family "\`arm-any-wide\`, 1000 neurons, from home" $wide $home
  family "... from anywhere" $wide $away
  family "\`arm\`, trained on the paper's movements alone, from home" models/arm.safetensors $home
  family "\`arm-wide\`, 1000 neurons, trained on the paper's movements alone, from home" models/arm-wide.safetensors $home
  family "\`arm-any-chip\`, ten chips, from home" $on_chip $home $chip
  family "... from anywhere" $on_chip $away $chip
  family "... from home, performed an hour after the update" $on_chip $home $chip eval.later_s=3600
  family "... a day after the update" $on_chip $home $chip eval.later_s=86400
  family "... from home, weights and update written for later (\`chip.aim_s\` and \`chip.update_aim_s\` 2400)" $on_chip $home $chip $later
  family "... the same, performed an hour after the update" $on_chip $home $chip $later eval.later_s=3600
  family "... a day after the update" $on_chip $home $chip $later eval.later_s=86400
  family "\`arm-chip\`, trained on the paper's movements alone, ten chips, from home" models/arm-chip.safetensors $home $chip
  body "\`arm-any-wide\` and the simulated body, from home" $wide $home
  body "\`arm-any-chip\`, on a chip, and the simulated body, from home" $on_chip $home synapse.kind=chip chip.preset=hermes
  replace families "$work/families"
  printf '| path | `arm-any` | `arm-any-wide` | `arm-any-chip` |\n|---|---|---|---|\n' > "$work/chains"
  chain word "the word, 10 s, 5 pieces"
  chain word "... 20 pieces" $short
  chain pick_and_place "pick-and-place, 8 s, 4 pieces"
  chain pick_and_place "... 16 pieces" $short
  chain figure_eight "figure of eight, 6 s, 3 pieces"
  chain figure_eight "... 12 pieces" $short
  chain letter "letter, one movement"
  chain circle "circle, one movement"
  replace chains "$work/chains"
  families
  word
  film
}

# The simulated body writes the word.
film() {
  $metaxbar arm --model models/arm-any-wide.safetensors arm.kind=physics target.file=examples/paths/word.csv $short --render $figures/word.gif > /dev/null
  echo "wrote $figures/word.gif"
}

# The word as seen from the arm, in software and on the chip.
word() {
  $metaxbar eval arm --model models/arm-any-wide.safetensors target.file=examples/paths/word.csv $short --out "$work/software" > /dev/null 2>&1
  $metaxbar eval arm --model models/arm-any-chip.safetensors target.file=examples/paths/word.csv $short synapse.kind=chip chip.preset=hermes \
    --out "$work/chip" > /dev/null 2>&1
  (cd "$work" && gnuplot -d -e "set terminal $(terminal)" /dev/stdin) <<'GP' > $figures/word.$format
set datafile separator ","
set border 3
set tics nomirror
set xlabel "y, m"
set ylabel "z, m"
set xrange [] reverse
set size ratio -1
set key top left reverse Left samplen 2 noautotitle
plot "software" using 10:11 every ::1 with lines lw 3 lc rgb "#222222" dt 2 title "target", \
     "software" using 16:17 every ::1 with lines lw 2 lc rgb "#1f5fa8" title "software", \
     "chip" using 16:17 every ::1 with lines lw 2 lc rgb "#d9822b" title "chip"
GP
  echo "wrote $figures/word.$format"
}

# Three movements of each family: velocity of the base, and path of the tip.
families() {
  local f k
  for f in paper reach rest stroke ripple; do
    for k in 1 2 3; do
      $metaxbar eval arm --model models/arm-any.safetensors trajectory.family=$f trajectory.elsewhere=0 eval.trajectories=1 run.seed=$k \
        --out "$work/$f$k.csv" > /dev/null 2>&1
    done
  done
  (cd "$work" && gnuplot -d -e "set terminal $(terminal)" /dev/stdin) <<'GP' > $figures/families.$format
set datafile separator ","
set multiplot layout 2,5 margins 0.07,0.98,0.12,0.92 spacing 0.035,0.16
set border 3
set tics nomirror
unset key
names = "paper reach rest stroke ripple"
colour(k) = k == 1 ? "#1f5fa8" : k == 2 ? "#d9822b" : "#3a8f5a"
set yrange [-2:2]
set xtics 1
do for [f=1:5] {
  set title word(names, f)
  set xlabel "time, s"
  if (f == 1) { set ylabel "base, rad/s" } else { set ylabel ""; set format y "" }
  plot for [k=1:3] word(names, f).k.".csv" using 2:3 every ::1 with lines lw 1.5 lc rgb colour(k)
}
set xrange [0.9:-0.9]
set yrange [-0.5:1.1]
set xtics 0.5
do for [f=1:5] {
  set title ""
  set xlabel "y, m"
  if (f == 1) { set ylabel "z, m"; set format y "%g" } else { set ylabel ""; set format y "" }
  plot for [k=1:3] word(names, f).k.".csv" using 10:11 every ::1 with lines lw 1.5 lc rgb colour(k)
}
unset multiplot
GP
  echo "wrote $figures/families.$format"
}

property() {
  local row=$1
  shift
  echo "physics: $row, $*" >&2
  $metaxbar eval fewshot --model models/omniglot-learned-chip.safetensors data.kind=omniglot data.path="$omniglot" eval.tasks="$tasks" \
    eval.batchnorm=support synapse.kind=chip chip.preset=hermes eval.chips=10 "$@" > "$work/out"
  $metaxbar eval arm --model models/arm-chip.safetensors eval.trajectories="$movements" synapse.kind=chip chip.preset=hermes \
    eval.chips=10 "$@" > "$work/arm"
  echo "| $row | $(awk '$1 == 4 { print $2 " +- " $3 }' "$work/out") | $(awk '$1 == "after" { print $2 " +- " $5 }' "$work/arm") |" >> "$work/physics"
}

physics() {
  printf '| chip | Omniglot, 5-way 5-shot, *support*, %% | arm, all movements, cm |\n|---|---|---|\n' > "$work/physics"
  property "as in the tables above"
  property "read noise with a memory (\`chip.read_memory=yes\`)" chip.read_memory=yes
  property "wires of 1 ohm between cells (\`chip.wire_ohm=1\`)" chip.wire_ohm=1
  property "learned an hour after writing" chip.time_s=3600
  property "learned a day after writing" chip.time_s=86400
  property "learned a month after writing" chip.time_s=2592000
  property "... written for a day later (\`chip.aim_s=86400\`)" chip.time_s=2592000 chip.aim_s=86400
  replace physics "$work/physics"
}

# ---- the device

device() {
  $metaxbar device device.preset=hermes --out $figures/hermes.$format > $figures/hermes.csv
  echo "wrote $figures/hermes.$format"
}

# ---- a page of report

# Part of the page of a short training, in a browser: accuracy and a task.
report() {
  local browser
  browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { skipped "the page of report: no browser (package chromium)"; return; }
  local program=$PWD/$metaxbar
  (
    cd "$work"
    "$program" train fewshot data.kind=builtin train.iterations=200 train.tasks=4 --run runs/first --quiet
    "$program" report runs/first report.tasks=50 --quiet >/dev/null
    cat >page.html <<'HTML'
<!DOCTYPE html><body style="margin:0;overflow:hidden;background:#fff">
<iframe src="runs/first/report.html" scrolling="no" style="margin-top:-635px;border:0;width:1000px;height:5000px">
HTML
    "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1000,1050 --screenshot=report.png "file://$PWD/page.html" >/dev/null 2>&1
  )
  cp "$work/report.png" $figures/report.png
  echo "wrote $figures/report.png"
}

[ $# -gt 0 ] || set -- device arm writes movements characters ways classes physics cifar incremental report
for part in "$@"; do
  case $part in
    device|arm|writes|movements|report) $part ;;
    characters) if with_omniglot; then characters; fi ;;
    ways) if with_omniglot; then ways; fi ;;
    classes) if with_omniglot; then classes; fi ;;
    physics) if with_omniglot; then physics; fi ;;
    cifar) if with_cifar; then cifar; fi ;;
    incremental) if with_cifar; then incremental; fi ;;
    *) echo "$part: there are device, arm, writes, movements, characters, ways, classes, physics, cifar, incremental and report" >&2; exit 2 ;;
  esac
done
