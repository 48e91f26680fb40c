#!/usr/bin/env bash
# test_report_page.sh BUILD: a page of a few-shot model and of an arm in a real browser, light and dark: no message on its
# console, nothing empty, nothing wider than the window, the arm drawn. Exit 77: skipped, and a line says why.
set -euo pipefail
build=$(cd "$1" && pwd)
skip() { echo "SKIP test_report_page: $*"; exit 77; }
fail() { echo "FAIL $*"; exit 1; }
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "chromium is not there"
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT

# browse PAGE SCHEME WIDTH: its document as it is after its scripts, on stdout; the browser's log in $here/log.
browse() {
  local scheme=1
  [ "$2" = dark ] && scheme=0
  rm -rf "$here/profile"
  timeout 600 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$here/profile" --enable-logging=stderr --blink-settings=preferredColorScheme=$scheme \
    --window-size="$3",900 --virtual-time-budget=3000 --dump-dom "file://$1" 2>"$here/log" || fail "the browser ends with $?: $(tail -n 5 "$here/log")"
}

# The page with the checks appended: what they find goes into the title. A test's copy; the program's page has no such part.
with_checks() {
  sed '/<\/html>/d' "$1"
  cat <<'END'
<script>
const found = [], say = (what, e) => found.push(what + ' ' + (e ? e.outerHTML.slice(0, 60) : ''));
const box = e => e.getBoundingClientRect();
for (const e of document.querySelectorAll('figure')) if (!e.querySelector('svg, table, canvas') || !e.querySelector('figcaption').textContent.trim()) say('empty', e);
for (const e of document.querySelectorAll('svg[viewBox]')) if ((!e.parentElement.closest('svg') && (box(e).width < 20 || box(e).height < 8)) ||  // of an inner one the box is that of its lines
  !e.querySelector('path, rect, circle, image')) say('empty', e);
for (const e of document.querySelectorAll('svg.chart')) if (!e.querySelector('.mark, .area, .line[d^=M]') || e.querySelector('.none')) say('empty', e);
for (const e of document.querySelectorAll('td, dd, th, figcaption b, h2, h3')) if (!e.textContent.trim() && !e.previousElementSibling) say('empty', e);
for (const e of document.querySelectorAll('table')) if (e.querySelectorAll('tbody tr').length < 1) say('empty', e);
for (const e of document.querySelectorAll('image')) if (!e.href.baseVal.startsWith('data:image/png;base64,iVBOR')) say('no picture', e);
if (document.documentElement.scrollWidth > innerWidth) say('wider than the window: ' + document.documentElement.scrollWidth + ' px of ' + innerWidth);
for (const e of document.querySelectorAll('svg text')) if (parseFloat(getComputedStyle(e).fontSize) < 8) say('small text', e);
const drawn = e => new Set(new Uint32Array(e.getContext('2d').getImageData(0, 0, e.width, e.height).data.buffer)).size;
const canvases = [...document.querySelectorAll('canvas')];
for (const e of canvases) {
  const [play, reset] = e.parentNode.querySelectorAll('button'), slider = e.parentNode.querySelector('input[type=range]'), before = e.toDataURL();
  if (drawn(e) < 20) say('nothing drawn', e);
  slider.value = 0;
  slider.dispatchEvent(new Event('input'));
  if (e.toDataURL() === before || e.parentNode.querySelector('output').textContent !== '0.01 s') say('time does nothing', e);
  slider.value = slider.max;
  slider.dispatchEvent(new Event('input'));
  e.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' }));
  if (e.toDataURL() === before) say('turning does nothing', e);
  reset.click();
  if (e.toDataURL() !== before) say('the view is not reset', e);
  e.parentNode.querySelectorAll('input[type=checkbox]').forEach(b => { b.checked = false; b.dispatchEvent(new Event('change')); });
  if (e.toDataURL() === before) say('unticking does nothing', e);
}
const ground = getComputedStyle(document.body).backgroundColor, figures = document.querySelectorAll('figure').length;
document.title = `CHECKED ${figures} figures, ${canvases.length} canvas, ground ${ground}: ${found.length ? found.join('; ') : 'well'}.`;
</script>
</html>
END
}

# expect_well PAGE SCHEME WIDTH GROUND
expect_well() {
  local title
  browse "$1" "$2" "$3" >"$here/dom"
  ! grep CONSOLE "$here/log" || fail "messages on the console ($2, $3 px)"
  title=$(sed -n 's/.*<title>\(CHECKED[^<]*\)<.*/\1/p' "$here/dom")
  [ "$title" ] || fail "the checks did not run ($2, $3 px)"
  [ "$title" = "CHECKED $figures figures, 1 canvas, ground $4: well." ] || fail "$2, $3 px: $title, expected $figures figures, 1 canvas, ground $4"
}

# expect_fail TEXT...: the checks must find all of it in bad.html.
expect_fail() {
  local text
  ! (expect_well "$here/bad.html" light 1100 'rgb(255, 255, 255)') >"$here/said" || fail "not noticed: $*"
  for text in "$@"; do grep -q "$text" "$here/said" || fail "'$text' is not noticed: $(cat "$here/said")"; done
}

small=(data.kind=builtin data.classes=20 data.validation=0 data.evaluation_classes=6 report.tasks=2 report.movements=2 run.threads=1)
"$build/metaxbar" train arm --quiet --run "$here/arm" run.threads=1 lsg.neurons=20 trainee.neurons=12 trajectory.steps=60 train.iterations=3 \
  train.trajectories=2 train.log_every=1
"$build/metaxbar" report models/builtin-5w5s.safetensors "$here/arm" --run "$here/models" --out "$here/page.html" --quiet "${small[@]}" >"$here/out"
figures=$(grep -c '<figure' "$here/page.html")
with_checks "$here/page.html" >"$here/checked.html"

# the page as it is, then with the checks
browse "$here/page.html" light 1100 >"$here/dom"
! grep CONSOLE "$here/log" || fail "messages on the console"
[ "$(grep -c '<figure' "$here/dom")" = "$figures" ] || fail "figures are lost in the browser"
expect_well "$here/checked.html" light 1100 'rgb(255, 255, 255)'
expect_well "$here/checked.html" dark 420 'rgb(22, 23, 21)'

# and what they are there to find
sed 's|</header>|</header><script>nosuch();</script><img src="http://127.0.0.1:9/x.png">|' "$here/checked.html" >"$here/bad.html"
expect_fail 'CONSOLE.*nosuch' 'CONSOLE.*x.png'
sed -e "s|JSON.parse(box.querySelector('script').textContent)|{ steps: 1, dt_s: 1, paths: [] }|" -e 's|</header>|</header><div style="width:1500px">x</div>|' "$here/checked.html" >"$here/bad.html"
expect_fail 'wider than the window' 'time does nothing'
echo "$figures figures in two colour schemes and widths"
