#!/usr/bin/env bash
# Train small networks in several ways and write the tables that compare them into docs/cifar.md: an hour and a half on two cores.
#   tools/studies.sh [ablation] [layers]     these parts; all, if none is named
# ablation: each augmentation and learned rates, 64 channels, CIFAR100-FS, validation classes. layers: the read-out or all layers adapt,
# CIFAR100-FS and Omniglot by random characters, 64 channels, in software and on chips, evaluation classes.
# CIFAR, OMNIGLOT: see tools/tables.sh. RUNS: folder of the trainings (default runs/studies); what is finished there is not trained again.
# TASKS: of an evaluation (default 1000), CHIP_TASKS: of one on chips (default 200).
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/tables.sh
runs=${RUNS:-runs/studies} tasks=${TASKS:-1000} chip_tasks=${CHIP_TASKS:-200}
plain="data.distort_rotation_deg=0 data.distort_scale=0 data.distort_shear=0 data.distort_translation_px=0"
mkdir -p "$runs"

# trained NAME SETTING...: the run $runs/NAME, trained unless it is finished
trained() {
  local run=$runs/$1
  shift
  [ ! -e "$run.done" ] || return 0
  echo "training: $run" >&2
  if [ -e "$run" ]; then $metaxbar train fewshot --quiet --run "$run" --resume
  else $metaxbar train fewshot --quiet --run "$run" "$@"; fi
  touch "$run.done"
}

# scores FILE NAME SETTING...: evaluation of a run, its text in $work/out and the scores of its tasks in FILE.json
scores() {
  local file=$1 run=$runs/$2
  shift 2
  $metaxbar eval fewshot --model "$run/model.safetensors" --scores "$work/$file.json" "$@" > "$work/out"
}

# The accuracy after the last update of what $work/out holds: "71.2 +- 0.9".
accuracy() { awk '$1 ~ /^[0-9]+$/ && $2 ~ /^[0-9.]+$/ && !later { a = $2; ci = $3 } /^seconds later/ { later = 1 } END { print a " +- " ci }' "$work/out"; }

# ---- networks of 64 channels that learn colour images: classes first, then tasks

small="net.channels=64 net.hidden=64 net.bias=digital data.channels=3 data.size=32 data.turn=no"
image_classes() {
  trained classes $(colours) $small $plain data.flip=yes data.crop_px=4 net.ways=64 net.steps=0 train.shots=0 train.queries=1 train.tasks=2 \
    train.iterations=3000 train.rate=2e-3 train.weight_decay=0.05 train.validate_every=1000
}
image_tasks() {
  local name=$1
  shift
  trained "$name" $(colours) $small $plain data.flip=yes data.crop_px=4 net.steps=5 train.batchnorm=support train.learn_inner_rate=yes \
    train.inner_rate=0.03 train.tasks=4 train.iterations=600 train.validate_tasks=0 train.rate=1e-3 \
    train.start="$runs/classes/model.safetensors" "$@"
}

# variant ROW NAME SETTING...: a row of the ablation, with its difference to the first
variant() {
  local row=$1 name=$2 difference="| |"
  shift 2
  image_tasks "$name" "$@"
  scores "$name" "$name" $(colours) eval.split=validation eval.batchnorm=support eval.updates=5 eval.tasks="$tasks"
  [ "$name" = flips ] || difference=$($metaxbar compare "$work/$name.json" "$work/flips.json" | awk '
    $1 == "difference" { printf "%.2f +- %.2f | %s |\n", 100*$2, 100*$4, substr($7, 1, length($7) - 1) }')
  echo "| $row | $(accuracy) | $difference" >> "$work/ablation"
}

ablation() {
  printf '| training | accuracy, %% | difference, points | p |\n|---|---|---|---|\n' > "$work/ablation"
  image_classes
  variant "flips, crops, learned rates, loss of all updates" flips
  variant "without flips" no-flips data.flip=no
  variant "without crops" no-crops data.crop_px=0
  variant "and CutMix of the queries" cutmix data.cutmix=0.5
  variant "and rotated classes" rotated data.rotated_classes=yes
  variant "and distortion (rotation, scale, shear, shift)" distorted data.distort_rotation_deg=10 data.distort_scale=0.15 data.distort_shear=0.15 data.distort_translation_px=1.5
  variant "rates fixed at 0.03" fixed-rates train.learn_inner_rate=no
  variant "loss of the last update alone" last train.query_loss=last
  replace ablation "$work/ablation" docs/cifar.md
}

# ---- which layers adapt

characters="data.kind=omniglot data.path=$omniglot data.protocol=characters net.channels=64"
# the model of which the read-out alone adapts, from class means
character_classes() { mkdir -p "$runs/characters"; cp models/omniglot-characters.safetensors "$runs/characters/model.safetensors"; }
zeros="train.inner_rate=0.03 train.rate=1e-3"
means="net.start=prototype net.bias=digital net.mean_offset=yes train.inner_rate=0.01 train.rate=3e-4 train.schedule=cosine"
# character_tasks NAME SHOTS SETTING...
character_tasks() {
  local name=$1 shots=$2
  shift 2
  trained "$name" $characters train.validate_tasks=0 net.steps=5 train.shots="$shots" train.learn_inner_rate=yes \
    train.adapt=all train.tasks=8 train.start="$runs/characters/model.safetensors" "$@"
}

# adapted DATA LAYERS NAME SETTING...: a row, in software and on chips
adapted() {
  local data=$1 layers=$2 name=$3 software seconds
  shift 3
  scores "$name" "$name" "$@" eval.updates=5 eval.tasks="$tasks"
  software=$(accuracy)
  seconds=$($metaxbar eval fewshot --model "$runs/$name/model.safetensors" "$@" eval.updates=5 eval.tasks=20 run.threads=1 --json | milliseconds 20)
  scores "$name-chip" "$name" "$@" eval.updates=5 eval.tasks="$chip_tasks" synapse.kind=chip chip.scale=column chip.cores=16 eval.chips=10
  echo "| $data | $layers | $software | $seconds | $(accuracy) | $(awk '$1 == "devices_written" { printf "%.0f", $3 }' "$work/out") |" >> "$work/layers"
}
milliseconds() { sed -n 's/.*"seconds": \([0-9.]*\).*/\1/p' | awk -v n="$1" '{ printf "%.0f", 1000*$1/n }'; }

layers() {
  printf '| data | layers that adapt | software, %% | ms a task, one thread | ten chips, %% | devices rewritten a task |\n|---|---|---|---|---|---|\n' > "$work/layers"
  image_classes
  image_tasks flips
  image_tasks images-all train.adapt=all
  image_tasks images-first train.adapt=all train.order=1
  local c
  c="$(colours) eval.batchnorm=support"
  adapted "CIFAR100-FS, 5 shots, *support*" "read-out" flips $c
  adapted "CIFAR100-FS, 5 shots, *support*" "all" images-all $c
  adapted "CIFAR100-FS, 5 shots, *support*" "all, first order" images-first $c
  character_classes
  for shots in 5 1; do
    character_tasks "means-$shots" "$shots" $means train.iterations=$([ $shots = 1 ] && echo 600 || echo 800)
    character_tasks "all-$shots" "$shots" $zeros train.iterations=$([ $shots = 1 ] && echo 3700 || echo 2262)
    character_tasks "first-$shots" "$shots" $zeros train.order=1 train.iterations=$([ $shots = 1 ] && echo 3000 || echo 2775)
    adapted "Omniglot, $shots $([ $shots = 1 ] && echo shot || echo shots), *task*" "read-out, from class means" characters $characters eval.ways=5 eval.shots=$shots eval.batchnorm=task
    adapted "Omniglot, $shots $([ $shots = 1 ] && echo shot || echo shots), *task*" "all, from class means" "means-$shots" $characters eval.shots=$shots eval.batchnorm=task
    adapted "Omniglot, $shots $([ $shots = 1 ] && echo shot || echo shots), *task*" "all" "all-$shots" $characters eval.shots=$shots eval.batchnorm=task
    adapted "Omniglot, $shots $([ $shots = 1 ] && echo shot || echo shots), *task*" "all, first order" "first-$shots" $characters eval.shots=$shots eval.batchnorm=task
  done
  replace layers "$work/layers" docs/cifar.md
}

[ $# -gt 0 ] || set -- ablation layers
for part in "$@"; do
  case $part in
    ablation) if with_cifar; then ablation; fi ;;
    layers) if with_cifar && with_omniglot; then layers; fi ;;
    *) echo "$part: there are ablation and layers" >&2; exit 2 ;;
  esac
done
