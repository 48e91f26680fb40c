// The moving arm: joint positions come from the program (m); here they are turned, projected and drawn.
'use strict';
for (const box of document.querySelectorAll('.arm')) {
  const data = JSON.parse(box.querySelector('script').textContent);
  const canvas = box.querySelector('canvas'), pen = canvas.getContext('2d');
  const [play, reset] = box.querySelectorAll('button');
  const slider = box.querySelector('input[type=range]'), time = box.querySelector('output');
  const boxes = box.querySelectorAll('input[type=checkbox]');
  const paths = data.paths, steps = data.steps, home = { turn: -2.2, tilt: 0.42, zoom: 1 };
  let view = { ...home }, step = steps - 1, playing = false, began = 0, printing = false;

  const joint = (path, t, j) => path.joints.slice((t*4 + j)*3, (t*4 + j)*3 + 3);
  const colour = name => printing ? light[name] : getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const light = { '--c0': '#0068a8', '--c1': '#c85200', '--c2': '#00805c', '--c6': '#8f8f88', '--c7': '#1c1c1a', '--rule': '#dddcd6', '--quiet': '#5d5d58' };

  // Orthographic with a little depth; the middle of the workspace stays in the middle of the picture.
  function project([x, y, z]) {
    const c = Math.cos(view.turn), s = Math.sin(view.turn), u = Math.cos(view.tilt), v = Math.sin(view.tilt);
    const across = -s*x + c*y, away = c*x + s*y, up = (z - 0.36)*u - away*v, depth = 3.2/(3.2 + away*u + (z - 0.36)*v);
    const scale = 0.47*Math.min(canvas.width/1.25, canvas.height)*view.zoom*depth;
    return [canvas.width/2 + across*scale, canvas.height*0.52 - up*scale];
  }

  function line(points, style, width, dash = []) {
    pen.beginPath();
    for (const p of points) pen.lineTo(...project(p));
    pen.strokeStyle = style;
    pen.lineWidth = width*canvas.width/canvas.clientWidth;
    pen.setLineDash(dash.map(d => d*canvas.width/canvas.clientWidth));
    pen.lineJoin = pen.lineCap = 'round';
    pen.stroke();
  }

  function dot(p, style, radius) {
    pen.beginPath();
    pen.arc(...project(p), radius*canvas.width/canvas.clientWidth, 0, 2*Math.PI);
    pen.fillStyle = style;
    pen.fill();
  }

  function ground() {
    const grid = colour('--rule');
    for (let k = -4; k <= 4; k++) {
      line([[k/4, -1, 0], [k/4, 1, 0]], grid, 1);
      line([[-1, k/4, 0], [1, k/4, 0]], grid, 1);
    }
    pen.font = `${11*canvas.width/canvas.clientWidth}px system-ui, sans-serif`;
    pen.fillStyle = colour('--quiet');
    for (const [name, p] of [['x', [1.12, 0, 0]], ['y', [0, 1.12, 0]], ['1 m', [1, 1.1, 0]]]) pen.fillText(name, ...project(p));
  }

  function arm(path, k) {
    const style = colour(`--c${path.look}`), points = [[0, 0, 0]], trail = [];
    for (let j = 0; j < 4; j++) points.push(joint(path, step, j));
    points.splice(1, 0, [0, 0, points[1][2]]);
    for (let t = 0; t <= step; t++) trail.push(joint(path, t, 3));
    line(trail, style, path.look === 7 ? 1.5 : 2.2, path.look === 7 ? [5, 3] : k % 2 ? [8, 2] : []);
    line(points, style, path.look === 7 ? 3 : 5);
    for (const p of points.slice(2)) dot(p, style, path.look === 7 ? 3 : 4.5);
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1, width = Math.round(canvas.clientWidth*ratio), height = Math.round(canvas.clientHeight*ratio);
    if (!width) return;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    pen.clearRect(0, 0, width, height);
    ground();
    paths.forEach((path, k) => { if (boxes[k].checked) arm(path, k); });
    slider.value = step;
    time.textContent = `${((step + 1)*data.dt_s).toFixed(2)} s`;
    slider.setAttribute('aria-valuetext', time.textContent);
  }

  function tick(now) {
    if (!playing) return;
    step = Math.min(steps - 1, Math.floor((now - began)/1000/data.dt_s));
    if (step === steps - 1) run(false);
    draw();
    if (playing) requestAnimationFrame(tick);
  }

  function run(on) {
    playing = on;
    play.textContent = on ? 'Pause' : 'Play';
    if (!on) return;
    if (step >= steps - 1) step = 0;
    began = performance.now() - 1000*step*data.dt_s;
    requestAnimationFrame(tick);
  }

  const turn = (dx, dy) => {
    view.turn -= dx;
    view.tilt = Math.max(-0.2, Math.min(1.5, view.tilt + dy));
    draw();
  };

  play.addEventListener('click', () => run(!playing));
  reset.addEventListener('click', () => { view = { ...home }; draw(); });
  slider.addEventListener('input', () => { run(false); step = Number(slider.value); draw(); });
  for (const b of boxes) b.addEventListener('change', draw);
  canvas.addEventListener('pointerdown', e => canvas.setPointerCapture(e.pointerId));
  canvas.addEventListener('pointermove', e => { if (e.buttons) turn(e.movementX/120, e.movementY/120); });
  canvas.addEventListener('wheel', e => {
    if (!e.ctrlKey) return;
    e.preventDefault();
    view.zoom = Math.max(0.5, Math.min(4, view.zoom*Math.exp(-e.deltaY/300)));
    draw();
  }, { passive: false });
  canvas.addEventListener('keydown', e => {
    const moves = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
    if (moves[e.key]) turn(...moves[e.key]);
    else if (e.key === ' ') run(!playing);
    else return;
    e.preventDefault();
  });
  new ResizeObserver(draw).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  addEventListener('beforeprint', () => { printing = true; draw(); });
  addEventListener('afterprint', () => { printing = false; draw(); });
  draw();
}
