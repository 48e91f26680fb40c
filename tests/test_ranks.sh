#!/usr/bin/env bash
# test_ranks.sh BUILD: trainings and evaluations divided among MPI ranks have the same bits as those of one process; what
# happens to one rank ends all. Exit 77: skipped, and a line says why.
set -euo pipefail
build=$(cd "$1" && pwd)
metaxbar=$build/metaxbar
[ ! -x "$build/generated/metaxbar" ] || metaxbar=$build/generated/metaxbar  # another processor's, in an emulator
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT
fail() { echo "FAIL $*"; [ -f "$here/err" ] && cat "$here/err"; exit 1; }

# ---- started several times, but no ranks: one line, from one of them

# lone NUMBER WORDS...: a process as mpirun would start it, of 2; its status in $status, all that it prints in $here/err.
lone() {
  local number=$1; shift
  status=0
  OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=$number "$metaxbar" "$@" >"$here/err" 2>&1 || status=$?
}
lone 0 bench sine
grep -qx 'metaxbar bench sine: started 2 times; only train, eval, .*' "$here/err" && [ $status = 2 ] || fail "bench: $status"
lone 1 bench sine
[ ! -s "$here/err" ] || fail "bench of rank 1 prints"
for words in --version --help nothing '' train 'bench --help' 'train sine --help' 'model info --help'; do
  "$metaxbar" $words >"$here/once" 2>&1 || true
  lone 0 $words
  cmp -s "$here/once" "$here/err" || fail "rank 0 of 'metaxbar $words' prints something else"
  lone 1 $words
  [ ! -s "$here/err" ] && [ $status = 0 ] || fail "rank 1 of 'metaxbar $words' prints"
done
if [[ $(ldd "$metaxbar") != *libmpi* ]]; then
  lone 0 train sine --run "$here/run"
  grep -qx 'metaxbar train sine: started 2 times, but this program was built without MPI.*' "$here/err" && [ $status = 2 ] ||
    fail "without MPI: $status"
  lone 1 train sine --run "$here/run"
  [ ! -s "$here/err" ] && [ ! -e "$here/run" ] || fail "without MPI, rank 1"
  echo "SKIP test_ranks: the program was built without MPI"; exit 77
fi
command -v mpirun >/dev/null || { echo "SKIP test_ranks: mpirun is not there"; exit 77; }

# ---- helpers

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1  # in a container
export ASAN_OPTIONS=detect_leaks=0                                # MPI keeps memory until its end
mpirun=(timeout 300 mpirun)
[[ $(mpirun --version) != *"Open MPI"* ]] || mpirun+=(--oversubscribe)
sine=(train sine net.hidden=12 train.tasks=7 train.iterations=12 train.log_every=4 train.validate_every=4
      train.validate_tasks=5 --quiet)

# bits FOLDER...: that their models and metrics are those of the first.
bits() {
  local first=$1 folder file
  for folder in "$@"; do
    for file in model.safetensors metrics.csv; do
      cmp -s "$here/$first/$file" "$here/$folder/$file" || fail "$folder/$file differs from that of $first"
    done
  done
}

# refused MESSAGE PROGRAM...: it fails, and MESSAGE (a pattern) is the one line about it, from the command or, where the
# other ranks are too busy to come, from the rank that ends all. Left out of account: which setting overrides which.
refused() {
  local message=$1; shift
  if "${mpirun[@]}" "$@" >"$here/out" 2>"$here/err"; then fail "no error: $message"; fi
  grep -qxE "metaxbar( .*)?: $message" "$here/err" || fail "not said: $message"
  [ "$(grep '^metaxbar' "$here/err" | grep -vc ' overrides ')" = 1 ] || fail "more than one line: $message"
}

# ---- the same bits

for words in --version 'train --help' 'data --help'; do
  "${mpirun[@]}" -n 3 "$metaxbar" $words >"$here/out" 2>"$here/err" || fail "$words"
  cmp -s <("$metaxbar" $words) "$here/out" || fail "three processes print 'metaxbar $words' otherwise than one"
done

"$metaxbar" "${sine[@]}" --run "$here/sine" run.threads=1
counts=(1,2 2,1 3,2 4,1 7,1)  # ranks, threads of each
[[ $(ldd "$metaxbar") != *libasan* ]] || counts=(3,2)  # several times as slow
for n in "${counts[@]}"; do
  "${mpirun[@]}" -n ${n%,*} "$metaxbar" "${sine[@]}" --run "$here/sine$n" run.threads=${n#*,} 2>"$here/err" ||
    fail "sine on $n"
  bits sine sine$n
done

few=(data.kind=builtin data.classes=60 data.evaluation_classes=20)  # every process draws all of them
fewshot=(train fewshot "${few[@]}" net.channels=4 train.tasks=5 train.iterations=2 train.log_every=2
         train.validate_every=2 train.validate_tasks=4 --quiet)
arm=(train arm train.iterations=2 train.trajectories=11 train.group=2 train.validate_every=2 train.log_every=2
     train.validate_trajectories=13 trainee.neurons=30 lsg.neurons=40 trajectory.steps=40 --quiet)
chips=("${fewshot[@]}" train.synapse=chip train.chips=3)
for what in fewshot chips arm; do
  declare -n words=$what
  "$metaxbar" "${words[@]}" --run "$here/$what"
  "${mpirun[@]}" -n 3 "$metaxbar" "${words[@]}" --run "$here/${what}3" run.threads=2 2>"$here/err" || fail "$what"
  bits $what ${what}3
done

# evaluated EXPERIMENT SETTINGS...: what one process and three ranks print about it, but for the seconds.
evaluated() {
  local what=$1; shift
  "$metaxbar" eval $what --model "$here/$what/model.safetensors" --json "$@" | sed 's/"seconds": [^,]*//g' >"$here/one"
  "${mpirun[@]}" -n 3 "$metaxbar" eval $what --model "$here/$what/model.safetensors" --json --scores "$here/scores" \
    run.threads=2 "$@" 2>"$here/err" | sed 's/"seconds": [^,]*//g' >"$here/three" || fail "eval $what $*"
  cmp -s "$here/one" "$here/three" || fail "eval $what $* differs"
}
evaluated sine eval.tasks=8
evaluated sine eval.tasks=8 synapse.kind=chip eval.chips=3
evaluated fewshot "${few[@]}" eval.tasks=5
evaluated fewshot "${few[@]}" eval.tasks=5 synapse.kind=chip eval.chips=2 eval.later_s=1000
evaluated arm eval.trajectories=23
evaluated arm eval.trajectories=5 synapse.kind=chip eval.chips=2

"$metaxbar" chip tradeoff --model "$here/sine/model.safetensors" --quiet --out "$here/one.csv" eval.tasks=8 eval.chips=2 >"$here/one"
"${mpirun[@]}" -n 3 "$metaxbar" chip tradeoff --model "$here/sine/model.safetensors" --quiet --out "$here/three.csv" \
  run.threads=1 eval.tasks=8 eval.chips=2 >"$here/three" 2>"$here/err" || fail "chip tradeoff"
cmp -s "$here/one" "$here/three" && cmp -s "$here/one.csv" "$here/three.csv" || fail "chip tradeoff differs"

# ---- ranks that differ or fail

one=(-n 1 "$metaxbar")
refused 'rank 1: train.support=5, but rank 0 has train.support=10' \
  "${one[@]}" "${sine[@]}" --run "$here/differ" : "${one[@]}" "${sine[@]}" --run "$here/differ" train.support=5
[ ! -e "$here/differ/settings.ini" ] || fail "ranks that differ have begun"
# Two pictures of 4 x 4 pixels; folder k has four classes of the k-th.
picture[0]='AAAAHUlEQVR42mPwmnJPgyH/nu8ehikaewIYdhZpPwEAUSwIPQMJUrMAAAAASUVORK5CYII='
picture[1]='AAAAHElEQVR42mPYlqN0g0FQydiFIeeGywaG432hMgBC/AbFJos9kQAAAABJRU5ErkJggg=='
for k in 0 1; do
  for at in $k/{a,b,c,d}; do
    mkdir -p "$here/data$at"
    base64 -d <<<"iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAAAAACMmsGi${picture[k]}" | tee "$here/data$at"/{1,2,3}.png >"$here/out"
  done
done
folder=("${fewshot[@]/#data.*classes=*/data.kind=folder}")  # not the settings of built-in characters
pictures=("${folder[@]}" net.ways=2 train.shots=1 train.queries=1 train.validate_tasks=0)
refused 'rank 1: data=.*, but rank 0 has data=.*' \
  "${one[@]}" "${pictures[@]}" --run "$here/differ" data.path="$here/data0" : \
  "${one[@]}" "${pictures[@]}" --run "$here/differ" data.path="$here/data1"
refused 'rank 1: /nonexistent: No such file or directory' "${one[@]}" "${fewshot[@]}" --run "$here/differ" : \
  "${one[@]}" "${folder[@]}" --run "$here/differ" data.path=/nonexistent
refused '.*/sine: holds a run already.*' -n 3 "$metaxbar" "${sine[@]}" --run "$here/sine"
refused 'train.nothing: no such setting' -n 3 "$metaxbar" "${sine[@]}" --run "$here/differ" train.nothing=1

# ---- signals

# begin ITERATIONS: a training of three ranks, each of which has left its process number in $here/pid.*, that has written
# a checkpoint; mpirun is $job.
begin() {
  rm -rf "$here/stopped" "$here"/pid.*
  long=("${sine[@]}" train.tasks=100 train.checkpoint_every_s=0 train.iterations=$1)
  "${mpirun[@]}" -n 3 sh -c 'echo $$ >"$0/pid.${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"; exec "$@"' "$here" "$metaxbar" \
    "${long[@]}" --run "$here/stopped" run.threads=1 >"$here/out" 2>"$here/err" &
  job=$!
  until [ -e "$here/stopped/checkpoint.safetensors" ]; do kill -0 $job || fail "training has not begun"; sleep 0.02; done
}

# stopped SIGNAL RANK STATUS: a signal to one rank ends all with this status (-: any but 0), and the training, resumed on
# two ranks, has the bits of one that was not stopped.
stopped() {
  local iterations=50 status=0
  while [ $status = 0 ]; do  # a training that is done before the signal comes is repeated with more iterations
    iterations=$((2*iterations))
    begin $iterations
    kill -s $1 "$(cat "$here/pid.$2")" || true
    wait $job && status=0 || status=$?
  done
  [ "$3" = - ] || [ $status = $3 ] || fail "$1 to rank $2: status $status"
  "${mpirun[@]}" -n 2 "$metaxbar" "${long[@]}" --run "$here/stopped" --resume 2>"$here/err" || fail "$1: not resumed"
  rm -rf "$here/whole"
  "$metaxbar" "${long[@]}" --run "$here/whole"
  bits whole stopped
}
stopped USR1 1 75
[[ $(ldd "$metaxbar") == *libasan* ]] || stopped TERM 2 143
stopped KILL 1 -

# SIGUSR1 has its meaning for a single process too.
status=0
while [ $status = 0 ]; do
  rm -rf "$here/alone"
  "$metaxbar" "${long[@]}" --run "$here/alone" 2>"$here/err" & job=$!
  until [ -e "$here/alone/checkpoint.safetensors" ]; do kill -0 $job || break; sleep 0.02; done
  kill -s USR1 $job || true
  wait $job && status=0 || status=$?
done
[ $status = 75 ] || fail "SIGUSR1 to one process: status $status"

# ---- the batch script, with stand-ins for SLURM: queued again after 75 alone, resumed where there is a run

printf '#!/bin/sh\necho "$@" >>"$CALLS"\nexit $STATUS\n' >"$here/srun"
printf '#!/bin/sh\necho scontrol "$@" >>"$CALLS"\n' >"$here/scontrol"
chmod +x "$here/srun" "$here/scontrol"
for STATUS in 75 0; do
  run=$here/$([ $STATUS = 75 ] && echo new || echo whole)
  status=0
  CALLS=$here/calls$STATUS STATUS=$STATUS SLURM_JOB_ID=17 PATH=$here:$PATH \
    "$(dirname "$0")/../examples/cluster/train.sbatch" "$run" sine run.seed=3 || status=$?
  [ $status = $STATUS ] || fail "train.sbatch: status $status"
done
grep -q "metaxbar train sine --run $here/new run.threads=1 run.seed=3$" "$here/calls75" || fail "train.sbatch begins"
grep -qx 'scontrol requeue 17' "$here/calls75" || fail "train.sbatch is not queued again"
grep -q -- "--run $here/whole --resume run" "$here/calls0" || fail "train.sbatch does not resume"
! grep -q scontrol "$here/calls0" || fail "train.sbatch is queued again when it is done"
