#!/usr/bin/env bash
# long_kills.sh BUILD [SEED]: ten times, SIGKILL to a random rank of a training after a random iteration; resumed on
# another number of ranks it has the bits of one that was not disturbed. Exit 77: skipped, and a line says so.
set -euo pipefail
metaxbar=$(cd "$1" && pwd)/metaxbar
RANDOM=${2:-1}
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT
cd "$here"
fail() { echo "FAIL $*"; cat err; exit 1; }
[[ $(ldd "$metaxbar") == *libmpi* ]] && command -v mpirun >/dev/null || { echo "SKIP long_kills: no MPI"; exit 77; }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 ASAN_OPTIONS=detect_leaks=0
mpirun=(timeout 600 mpirun)
[[ $(mpirun --version) != *"Open MPI"* ]] || mpirun+=(--oversubscribe)
iterations=400
training=("$metaxbar" train sine net.hidden=12 train.tasks=60 train.iterations=$iterations train.log_every=1
          train.validate_every=50 train.validate_tasks=5 train.checkpoint_every_s=0.05 run.threads=1 --quiet)

"${training[@]}" --run whole
for k in 1 2 3 4 5 6 7 8 9 10; do
  status=0
  while [ $status = 0 ]; do  # one that is done before it is killed does not count
    rm -rf run pid.*
    n=$((2 + RANDOM%3)) after=$((RANDOM%(iterations - 50)))
    rank=$((RANDOM%n))
    "${mpirun[@]}" -n $n sh -c 'echo $$ >"pid.${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"; exec "$@"' sh \
      "${training[@]}" --run run >out 2>err & job=$!
    until [ -e run/metrics.csv ] && [ "$(wc -l <run/metrics.csv)" -gt $after ]; do kill -0 $job 2>/dev/null || break; sleep 0.01; done
    kill -KILL "$(cat pid.$rank)" 2>/dev/null || true
    wait $job && status=0 || status=$?
  done
  had=$(tail -1 run/metrics.csv | cut -d , -f 1)
  m=$((1 + (n + RANDOM%3)%4))  # of 1 to 4, not n
  "${mpirun[@]}" -n $m "${training[@]}" --run run --resume >out 2>err || fail "$k: not resumed on $m"
  for file in model.safetensors metrics.csv; do cmp -s whole/$file run/$file || fail "$k: $file differs"; done
  echo "$k: rank $rank of $n killed in iteration $((had + 1)) of $iterations, resumed on $m: same bits"
done
