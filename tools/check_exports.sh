#!/bin/sh
# Every function of the interface that does more than return a value begins with API_BEGIN, and what the shared library
# shows is what include/metaxbar.h declares, beside symbols of linker and sanitizers. Argument: the library.
cd "$(dirname "$0")/.." || exit 2
[ -s "$1" ] || { echo "no library '$1'"; exit 2; }
awk '/^[a-z].*mx_[a-z_0-9]*\(/ && !/_free\(/ && !/}$/ { name = FILENAME ": " $0; while ($0 !~ /{$/) getline; getline
  if ($1 != "API_BEGIN;" && $1 != "return") { print name " API_BEGIN is missing"; bad = 1 } } END { exit bad }' src/api/*.c || exit 1
declared=$(sed -n 's/^MX_API .*[ *]\(mx_[a-z_0-9]*\)(.*/\1/p' include/metaxbar.h | sort)
shown=$(nm -D --defined-only "$1" | awk '$3 !~ /^(__(asan|ubsan|tsan|sancov|start|stop|odr_asan)|(__bss_start|_edata|_end)$)/ { print $3 }' | sort)
[ -n "$declared" ] && [ "$declared" = "$shown" ] && exit 0
echo "declared and shown differ:"
printf '%s\n' "$declared" "$shown" | sort | uniq -u
exit 1
