#!/usr/bin/env bash
# Draw a movement before and after its one update, in software and on the chip: angular velocities and path.
#   tools/figure_arm.sh SOFTWARE.csv CHIP.csv PICTURE.png|.svg|.pdf
# The tables come from  metaxbar eval arm --model FILE [synapse.kind=chip] --out TABLE.csv
set -euo pipefail
[ $# -eq 3 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
software=$1 chip=$2 picture=$3
for table in "$software" "$chip"; do
  head -1 -- "$table" | grep -q '^step,time_s,target_base_rad_s,.*,after_z_m$' || { echo "$table: not a table of eval arm --out" >&2; exit 1; }
done
case $picture in
  *.png) terminal='pngcairo size 1200,760 font "Sans,11"' ;;
  *.svg) terminal='svg size 1200,760 font "Sans,11" background "#ffffff"' ;;
  *.pdf) terminal='pdfcairo size 12in,7.6in font "Sans,13"' ;;
  *) echo "$picture: must end in .png, .svg or .pdf" >&2; exit 2 ;;
esac
command -v gnuplot >/dev/null || { echo "gnuplot is missing (package gnuplot-nox)" >&2; exit 1; }

# gnuplot runs what stands behind a leading "<" or "|": it meets no name but these two, and writes to its output
work=$(mktemp -d)
unfinished=$(mktemp -- "$picture.XXXXXX")
trap 'rm -rf -- "$work" "$unfinished"' EXIT
cat -- "$software" >"$work/software"
cat -- "$chip" >"$work/chip"
(cd "$work" && gnuplot -d -e "set terminal $terminal" /dev/stdin) <<'GP' | cat >"$unfinished"
name(k) = k == 1 ? "software" : "chip"
set datafile separator ","
set style line 1 lc rgb "#222222" lw 2.5 dt 2
set style line 2 lc rgb "#b8b8b8" lw 1.5
set style line 3 lc rgb "#1f5fa8" lw 2
set style line 4 lc rgb "#d9822b" lw 2
after(k) = 2 + k
set multiplot layout 2,3 margins 0.06,0.97,0.08,0.94 spacing 0.075,0.14
do for [k=1:2] {
  set border 3
  set tics nomirror
  set grid ytics lc rgb "#dddddd"
  set xlabel "time, s"
  set key top left reverse Left samplen 2 noautotitle
  do for [j=0:1] {
    set title name(k).(j == 0 ? ": base" : ": shoulder")
    set ylabel "angular velocity, rad/s"
    plot name(k) using 2:(column(5+j)) every ::1 with lines ls 2 title "before", \
         "" using 2:(column(7+j)) every ::1 with lines ls after(k) title "after", \
         "" using 2:(column(3+j)) every ::1 with lines ls 1 title "target"
    set key off
  }
  set title name(k).": path of the tip, seen from the arm"  # it moves on a surface, so two coordinates say all
  set xlabel "y, m"
  set ylabel "z, m"
  set xtics 0.2
  set xrange [] reverse
  set size ratio -1
  plot name(k) using 13:14 every ::1 with lines ls 2, \
       "" using 16:17 every ::1 with lines ls after(k), \
       "" using 10:11 every ::1 with lines ls 1, \
       "" using 10:11 every ::1::1 with points pt 7 ps 1 lc rgb "#222222"
  set xtics auto
  set xrange [] noreverse
  set size noratio
}
unset multiplot
GP
chmod 644 -- "$unfinished"
mv -- "$unfinished" "$picture"
echo "wrote $picture"
