#!/usr/bin/env bash
# long_network.sh BUILD: a training on two ranks whose network delays every packet by 1 ms and loses 1 % of them has the
# bits of one process, and its line about times has a millisecond for each message. Exit 77: skipped, and a line says so.
set -euo pipefail
metaxbar=$(cd "$1" && pwd)/metaxbar
root=$(cd "$(dirname "$0")" && pwd)
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
a=mx$$a b=mx$$b line=
finish() {
  [ -z "$line" ] || kill $line 2>/dev/null || true
  ip netns del $a 2>/dev/null || true
  ip netns del $b 2>/dev/null || true
  rm -rf "$here"
}
trap finish EXIT
fail() { echo "FAIL $*"; cat "$here/err"; exit 1; }
skip() { echo "SKIP long_network: $*"; exit 77; }
[[ $(ldd "$metaxbar") == *libmpi* ]] || skip "the program was built without MPI"
[[ $(mpirun --version 2>/dev/null) == *"Open MPI"* ]] || skip "no mpirun of Open MPI"
command -v python3 ip >/dev/null || skip "python3 or ip is not there"
{ ip netns add $a && ip netns add $b && [ -w /dev/net/tun ]; } 2>/dev/null || skip "network namespaces need root and /dev/net/tun"

"$root/bad_network.py" $a $b 0.001 0.01 >"$here/line" 2>"$here/err" & line=$!
until grep -q ready "$here/line"; do kill -0 $line 2>/dev/null || skip "no line between namespaces: $(cat "$here/err")"; sleep 0.05; done
for k in 1 2; do
  at=$([ $k = 1 ] && echo $a || echo $b)
  ip -n $at addr add 10.77.0.$k/24 dev line
  ip -n $at link set line up
  ip -n $at link set lo up
done
cat >"$here/agent" <<END
#!/bin/sh
# in place of ssh: a process in the namespace of the host, with a host name of its own so that no memory is shared
host=\$1; shift
exec ip netns exec \$([ \$host = 10.77.0.1 ] && echo $a || echo $b) unshare --uts sh -c "hostname node\${host##*.}; export PATH=$PATH; \$*"
END
chmod +x "$here/agent"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
net='10.77.0.0/24'

# over WORDS...: the program on one rank in each namespace
over() {
  timeout 600 "$here/agent" 10.77.0.1 mpirun --mca plm_rsh_agent "$here/agent" --mca btl tcp,self \
    --mca btl_tcp_if_include $net --mca oob_tcp_if_include $net -H 10.77.0.1:1,10.77.0.2:1 -n 2 "$metaxbar" "$@"
}
sine=(train sine net.hidden=12 train.tasks=7 train.iterations=40 train.validate_tasks=5 run.threads=1)
fewshot=(train fewshot data.kind=builtin net.channels=8 train.tasks=4 train.iterations=5 train.validate_tasks=4 run.threads=1)
for what in sine fewshot; do
  declare -n words=$what
  "$metaxbar" "${words[@]}" --quiet --run "$here/one-$what"
  over "${words[@]}" --quiet --run "$here/two-$what" 2>"$here/err" || fail "$what over the network"
  for file in model.safetensors metrics.csv; do
    cmp -s "$here/one-$what/$file" "$here/two-$what/$file" || fail "$what: $file differs"
  done
  echo "$what: same bits; $(grep ranks, "$here/err")"
done
