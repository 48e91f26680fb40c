#!/usr/bin/env bash
# test_sweep.sh BUILD: a sweep has the same bytes on any number of ranks, also when it was stopped and continued on
# another number; what has diverged is a row of the table; bad input is refused in one line. Exit 77: what needs MPI was
# skipped, and a line says so.
set -euo pipefail
metaxbar=$(cd "$1" && pwd)/metaxbar
root=$(cd "$(dirname "$0")/.." && pwd)
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT
cd "$here"
mkdir tmp
export TMPDIR=$here/tmp
fail() { echo "FAIL $*"; [ -f err ] && cat err; exit 1; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1  # in a container
export ASAN_OPTIONS=detect_leaks=0                                # MPI keeps memory until its end

cat >sweep.ini <<'END'
[sweep]
experiment = sine
seeds = 1, 2
[net]
hidden = 6, 9
[train]
rate = 0.01, 0.030
tasks = 3
iterations = 6
validate_tasks = 2
[eval]
tasks = 5
END
sweep=("$metaxbar" sweep sweep.ini --quiet run.threads=1)

# same FOLDER FOLDER: the bytes of everything but durations and dates.
same() {
  local file
  for file in sweep.ini sweep.csv sweep.json report.html; do cmp -s $1/$file $2/$file || fail "$2/$file differs"; done
  for file in $1/*/{model.safetensors,metrics.csv,scores.json}; do
    cmp -s "$file" "$2/${file#*/}" || fail "$2/${file#*/} differs"
  done
  [ "$(ls $1)" = "$(ls $2)" ] || fail "$2: other points"
}

# ---- one process

"${sweep[@]}" --run one >out 2>err || fail "one process"
[ ! -s err ] || fail "--quiet prints"
[ "$(ls -d one/*=* | wc -l)" = 8 ] && [ "$(wc -l <one/sweep.csv)" = 9 ] || fail "not eight points"
[ "$(wc -l <out)" = 5 ] && grep -q '  2 *0  net.hidden=6 train.rate=0.03$' out || fail "the means"
head -1 one/sweep.csv | grep -qx 'point,net.hidden,train.rate,run.seed,status,score,ci95,items' || fail "head of the table"
grep -q '^"net.hidden=9,train.rate=0.03,seed=2",9,0.03,2,done,[0-9.]*,[0-9.]*,5$' one/sweep.csv || fail "last row"
grep -q '<svg' one/report.html && grep -q 'net.hidden' one/report.html || fail "report"
# What a training and an evaluation of the same settings alone have.
"$metaxbar" train sine --run alone --quiet net.hidden=9 train.rate=0.03 train.tasks=3 train.iterations=6 \
  train.validate_tasks=2 run.seed=2
cmp -s alone/model.safetensors one/net.hidden=9,train.rate=0.03,seed=2/model.safetensors || fail "not that of train"
"$metaxbar" eval sine --model alone/model.safetensors --scores alone.json eval.tasks=5 run.seed=2 >out
cmp -s alone.json one/net.hidden=9,train.rate=0.03,seed=2/scores.json || fail "not those of eval"

# Done points are left alone; one that is missing is computed.
cp -r one again
rm -r again/net.hidden=6,train.rate=0.01,seed=1 again/sweep.json
touch -d @1 again/*/*
"${sweep[@]}" --run again >out 2>err || fail "again"
same one again
[ "$(find again -name model.safetensors -newermt @2 | wc -l)" = 1 ] || fail "done points were computed again"

# ---- points that fail

"${sweep[@]}" --run all_failed sweep.seeds=1 net.hidden=6 train.inner_rate=100 train.rate=1 train.iterations=200 \
  >out 2>err || fail "points that diverge end the sweep"
grep -q '"score": "error", "higher_is_better": false' all_failed/sweep.json || fail "a score of its own where all have failed"

"${sweep[@]}" --run diverged --json sweep.seeds=1 net.hidden=6 train.inner_rate=0.01,100 train.rate=1 \
  train.iterations=200 >out 2>err || fail "a point that diverges ends the sweep"
grep -q '"status": "failed", "message": "the training has diverged by iteration .*finite' diverged/sweep.json && grep -c 'failed' diverged/sweep.csv >n || fail "not in the table"
cmp -s out diverged/sweep.json || fail "--json"
status=0  # a file may have eight kilobytes, too few for a checkpoint
(ulimit -f 4; "${sweep[@]}" --run full) >out 2>err || status=$?
[ $status = 1 ] && [ "$(wc -l <err)" = 1 ] && grep -q 'full/.*: cannot write: ' err || fail "full disk: $status"
[ -z "$(find full -name failed.json)" ] || fail "a full disk is no failure of a point"
"${sweep[@]}" --run full >out 2>err || fail "after the full disk"
same one full

# ---- a model evaluated at several settings

printf '[sweep]\nexperiment = sine\nmodel = alone/model.safetensors\n[synapse]\nkind = quantised\nbits = 2, 3\n' >model.ini
"$metaxbar" sweep model.ini --run model --quiet eval.tasks=5 >out 2>err || fail "model"
[ "$(ls model)" = $'report.html\nsweep.csv\nsweep.ini\nsweep.json\nsynapse.bits=2\nsynapse.bits=3' ] || fail "model"

# ---- bad input

# refused PATTERN WORD...: exit status 2, that line and no other, and nothing is written.
refused() {
  local pattern=$1 status=0
  shift
  "${sweep[@]}" --run bad "$@" >out 2>err || status=$?
  [ $status = 2 ] && grep -qx "metaxbar sweep: $pattern" err && [ "$(wc -l <err)" = 1 ] || fail "$status, not said: $pattern"
  [ ! -e bad ] || fail "written: $pattern"
}
refused 'sweep.ini: train.rate=: an empty list' train.rate=
refused 'sweep.ini: train.rate=0.1,,0.2: an empty value' train.rate=0.1,,0.2
refused 'sweep.ini: train.rate: 0.1 is in the list twice' train.rate=0.1,0.10
refused 'sweep.ini: train.rate=fast.*' train.rate=0.1,fast
refused 'sweep.ini: net.hidden=0.*' net.hidden=0
refused 'sweep.ini: data.kind: no section .*' data.kind=builtin
refused 'train.rat: no such setting; the nearest is train.rate' train.rat=1
refused 'sweep.nothing: no such setting' sweep.nothing=1
refused 'sweep.ini: sweep.experiment=cosine: no such experiment.*' sweep.experiment=cosine
refused 'sweep.ini: sweep.experiment is missing' sweep.experiment=
refused 'sweep.ini: run.seed=3: the seeds are sweep.seeds' run.seed=3
refused 'sweep.ini: net.hidden: has no effect here.*' sweep.model=alone/model.safetensors
refused 'sweep.ini: point .*: synapse.bits=2: has an effect with synapse.kind=quantised only' synapse.bits=2
refused 'sweep.ini: run.seed: more than 10000 points' sweep.seeds="$(seq -s, 100)" net.hidden="$(seq -s, 64)" \
  train.rate=0.1,0.2
# What only the model, the data and other files tell, at any point: before the folder is made.
refused_at() {
  local code=$1 pattern=$2 status=0
  shift 2
  "$metaxbar" sweep "$@" --run bad >out 2>err || status=$?
  [ $status = $code ] && grep -qx "metaxbar sweep: $pattern" err && [ "$(wc -l <err)" = 1 ] || fail "$status, not said: $pattern"
  [ ! -e bad ] || fail "written: $pattern"
}
refused_at 1 'point synapse.bits=2: nope.safetensors: .*' model.ini sweep.model=nope.safetensors
printf '[sweep]\nexperiment = sine\n[synapse]\nkind = chip\n[eval]\ntasks = 4\nchips = 2, 5\n' >chips.ini
refused_at 2 'point eval.chips=5: eval.chips=5: more chips than sines, 4' chips.ini sweep.model=alone/model.safetensors
refused_at 2 'point eval.chips=5: eval.chips=5: more chips than sines, 4' chips.ini train.iterations=6
refused_at 1 'point: nope.ini: .*' chips.ini eval.chips=2 chip.table=nope.ini train.iterations=6
printf '[sweep]\nexperiment = fewshot\nmodel = %s/models/builtin-5w5s.safetensors\n[data]\nkind = builtin\n' "$root" >few.ini
refused_at 2 'point .*random: eval.queries_per_class=equal,random: item 1 is not a number of queries.*' few.ini \
  eval.queries_per_class='equal | equal,random'
echo '{"tasks": [{"classes": ["evaluation/character0001", "evaluation/character0002"], "support": [[1], [1]], "query": [[2], [2]]}]}' >tasks.json
refused_at 1 'point eval.tasks_file=nope.json: nope.json: .*' few.ini eval.tasks_file="tasks.json | nope.json"
refused_at 2 'point eval.ways=30: 30 ways, but there are only .*' few.ini eval.ways=5,30 data.evaluation_classes=20
sed -i /^model/d few.ini
refused_at 1 'point: nope.safetensors: .*' few.ini train.start=nope.safetensors train.iterations=1
refused_at 1 'point: nope.json: .*' few.ini eval.tasks_file=nope.json train.iterations=1
printf '[sweep]\nexperiment = arm\n[target]\nfile = nope.csv\n' >arm.ini
refused_at 1 'point: nope.csv: .*' arm.ini
refused_at 1 'point: nope.safetensors: .*' arm.ini train.start=nope.safetensors
[ -z "$(ls tmp)" ] || fail "temporary files: $(ls tmp)"
status=0
"${sweep[@]}" --run one train.rate=0.1 >out 2>err || status=$?
[ $status = 2 ] && grep -q "one/sweep.ini: the sweep began with 'rate = 0.01, 0.03', now it is 'rate = 0.1'" err ||
  fail "another sweep in the folder"
printf '[sweep]\nexperiment = sine\nseeds = %s\n' "$(seq -s ', ' 200)" >long.ini
status=0
"$metaxbar" sweep long.ini --run bad >out 2>err || status=$?
[ $status = 2 ] && grep -q 'long.ini:3: a line of 898 characters; at most 638$' err || fail "a long line"
printf '[sweep]\nexperiment = sine\n[train]\nrate = 1\nrate = 2\n' >twice.ini
status=0
"$metaxbar" sweep twice.ini --run bad >out 2>err || status=$?
[ $status = 2 ] && grep -q 'twice.ini:5: train.rate=2: given twice' err || fail "given twice"

# ---- a signal to one process

long=("$metaxbar" sweep sweep.ini --quiet run.threads=1 train.rate=0.01 train.checkpoint_every_s=0.05)
start() {
  "$@" 2>err >out & job=$!
  until [ -n "$(find stopped -name checkpoint.safetensors 2>/dev/null)" ]; do kill -0 $job || return 0; sleep 0.02; done
}
for signal in TERM USR1; do
  status=0 iterations=500
  while [ $status = 0 ]; do
    rm -rf stopped
    iterations=$((2*iterations))
    start "${long[@]}" sweep.seeds=1 train.iterations=$iterations --run stopped
    kill -s $signal $job || true
    wait $job && status=0 || status=$?
  done
  [ $status = "$([ $signal = TERM ] && echo 143 || echo 75)" ] && grep -qx 'metaxbar sweep: stopped: stopped; the same .*' err ||
    fail "$signal: $status"
  [ ! -e stopped/sweep.csv ] || fail "$signal: a table"
  "${long[@]}" sweep.seeds=1 train.iterations=$iterations --run stopped >out
  rm -rf whole
  "${long[@]}" sweep.seeds=1 train.iterations=$iterations --run whole >out
  same whole stopped
done

# ---- ranks

[[ $(ldd "$metaxbar") == *libmpi* ]] || { echo "SKIP test_sweep on ranks: the program was built without MPI"; exit 77; }
command -v mpirun >/dev/null || { echo "SKIP test_sweep on ranks: mpirun is not there"; exit 77; }
mpirun=(timeout 300 mpirun)
[[ $(mpirun --version) != *"Open MPI"* ]] || mpirun+=(--oversubscribe)
for n in 2 3 11; do
  "${mpirun[@]}" -n $n "${sweep[@]}" --run ranks$n >out$n 2>err || fail "$n ranks"
  same one ranks$n
done
status=0
"${mpirun[@]}" -n 2 "${sweep[@]}" --run bad train.rate=0.1, >out 2>err || status=$?
[ $status = 2 ] && [ "$(grep -c '^metaxbar' err)" = 1 ] && [ ! -e bad ] || fail "bad input on ranks: $status"
mkdir full2  # a point of rank 1 that cannot be written
touch full2/net.hidden=6,train.rate=0.03,seed=2
! "${mpirun[@]}" -n 2 "${sweep[@]}" --run full2 >out 2>err || fail "a point that cannot be written"
[ "$(grep -c '^metaxbar' err)" = 1 ] && grep -q 'rank 1: full2/net.hidden=6,train.rate=0.03,seed=2: not a folder' err && [ ! -e full2/sweep.csv ] ||
  fail "a point that cannot be written"
rm full2/net.hidden=6,train.rate=0.03,seed=2
"${sweep[@]}" --run full2 >out 2>err || fail "a point that could not be written"
same one full2

# A signal to one rank of three stops all before their points are done; on two ranks the sweep continues.
for signal in USR1 TERM; do
  status=0 iterations=2000
  while [ $status = 0 ] || [ -n "$(find stopped -name scores.json)" ]; do
    rm -rf stopped pid.*
    iterations=$((2*iterations))
    [ $iterations -lt 20000 ] || fail "$signal to one rank: the others do not stop"
    start "${mpirun[@]}" -n 3 sh -c 'echo $$ >"pid.${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"; exec "$@"' sh \
      "${long[@]}" sweep.seeds=1,2,3 train.iterations=$iterations --run stopped
    kill -s $signal "$(cat pid.1)" || true
    wait $job && status=0 || status=$?
  done
  [ $status = "$([ $signal = TERM ] && echo 143 || echo 75)" ] && [ "$(grep -c '^metaxbar' err)" = 1 ] || fail "$signal: $status"
  "${mpirun[@]}" -n 2 "${long[@]}" sweep.seeds=1,2,3 train.iterations=$iterations --run stopped >out 2>err || fail "$signal"
  rm -rf whole
  "${long[@]}" sweep.seeds=1,2,3 train.iterations=$iterations --run whole >out
  same whole stopped
done
