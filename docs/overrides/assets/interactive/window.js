// Convolution arithmetic: the numbers of dlguide/layers/convolution.py.
(() => {
  const { figure, minus, say } = window.dlguide;
  const range = (n) => [...Array(n).keys()];

  // output_size of the module, with its errors
  const outputSize = (n, k, s = 1, p = 0, d = 1) => {
    if (Math.min(n, k, s, d) < 1 || p < 0) {
      throw new RangeError(say("n、k、s、d 至少是 1，p 至少是 0，现在是 ",
        "n, k, s, d must be at least 1 and p at least 0, got ")
        + `n=${n}, k=${k}, s=${s}, p=${p}, d=${d}`);
    }
    const span = d * (k - 1) + 1;
    if (span > n + 2 * p) {
      throw new RangeError(say(
        `卷积核横跨 ${span} 个像素，填充后的输入只有 ${n + 2 * p} 个`,
        `the kernel spans ${span} pixels, but the padded input has only ${n + 2 * p}`));
    }
    return Math.floor((n + 2 * p - d * (k - 1) - 1) / s) + 1; // (convolution:o)
  };

  // conv2d of the module, for one channel and one filter
  const conv2d = (x, w, s = 1, p = 0, d = 1) => {
    const P = outputSize(x.length, w.length, s, p, d);
    const Q = outputSize(x[0].length, w[0].length, s, p, d);
    const pixel = (u, v) => (x[u] && x[u][v]) || 0;
    return range(P).map((i) => range(Q).map((j) => w.reduce((sum, row, a) =>
      row.reduce((y, weight, b) => // (convolution:y)
        y + pixel(s * i + d * a - p, s * j + d * b - p) * weight, sum), 0)));
  };

  // image and kernel of the figure above, continued
  const X = ["13210201", "01102130", "21011012", "10120101",
    "02101210", "10213021", "01021103", "21100310"]
    .map((row) => [...row].map(Number));
  const W = [[1, 0, -1, 1], [2, 0, -2, 0], [1, 0, -1, -1], [0, 1, 0, 1]];
  const part = (table, n) => table.slice(0, n).map((row) => row.slice(0, n));

  window.dlguide.window = { outputSize, conv2d, X, W };

  figure("window", (fig) => {
    const slide = (words, min, max, value) => fig.slider(words, { min, max, value });
    const [n, k, s, p, d] = [
      slide(say("输入 n", "input n"), 1, 8, 5), slide(say("卷积核 k", "kernel k"), 1, 4, 3),
      slide(say("步幅 s", "stride s"), 1, 3, 2), slide(say("填充 p", "padding p"), 0, 2, 1),
      slide(say("膨胀 d", "dilation d"), 1, 3, 1),
    ];
    let o = 3; // 0 where the kernel does not fit
    const cell = () => [Math.floor(place.value / o), place.value % o];
    const place = fig.slider(say("窗口 (i, j)", "window (i, j)"), { min: 0, max: 8, value: 0 },
      (at) => (o ? `(${Math.floor(at / o)}, ${at % o})` : "–"));
    const [input, output] = [fig.picture(320, 1), fig.picture(320, 1)];
    const resize = (picture, rows) => picture.svg.setAttribute("viewBox", `0 0 320 ${24 + rows * side()}`);
    output.svg.style.alignSelf = "flex-start";
    const side = () => Math.min(34, 304 / (n.value + 2 * p.value + 2)); // of a cell

    // a table of numbers with a title; look(i, j) gives a cell's text and style
    const table = (picture, left, title, rows, look) => {
      const c = side();
      picture.add("text", { x: left, y: 14, fill: "currentColor" }, title);
      const marks = [];
      range(rows).forEach((i) => range(rows).forEach((j) => {
        const { text, on, ...style } = look(i, j);
        const box = { x: left + j * c, y: 22 + i * c, width: c, height: c };
        picture.add("rect", { ...box, fill: "var(--fig-paper)", stroke: "var(--fig-grid)", ...style });
        picture.add("text", { x: box.x + c / 2, y: box.y + c / 2 + 5, "text-anchor": "middle",
          "font-size": Math.min(15, c * 0.6), fill: "currentColor", opacity: style.opacity || 1 }, minus(text));
        if (on) marks.push(box);
      }));
      marks.forEach((box) => picture.add("rect", { ...box, fill: "none", stroke: "var(--fig-1)", "stroke-width": 3 }));
    };

    const go = (i, j) => {
      const fit = (u) => Math.min(o - 1, Math.max(0, Math.round(u)));
      if (o) place.value = fit(i) * o + fit(j);
    };
    // up and down: a row of the output
    place.input.addEventListener("keydown", (event) => {
      const rows = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!rows || !o) return;
      event.preventDefault();
      go(cell()[0] + rows, cell()[1]);
    });
    // the window around the pixel, the output under the finger
    const start = (u) => (u / side() - (d.value * (k.value - 1) + 1) / 2) / s.value;
    const right = () => 2 + (k.value + 1) * side(); // where the output begins
    const down = ({ svg }, y) => y * svg.viewBox.baseVal.height - 22;
    input.drag((x, y) => go(start(down(input, y)), start(x - 2)));
    output.drag((x, y) => go(down(output, y) / side() - 0.5, (x - right()) / side() - 0.5));

    return () => {
      const [N, K, S, P, D] = [n, k, s, p, d].map(({ value }) => value);
      const [x, w] = [part(X, N), part(W, K)];
      let [y, problem] = [[], ""];
      try { y = conv2d(x, w, S, P, D); } catch (error) { problem = error.message; }
      if (o !== y.length) { // the same window if it is still there
        const [i, j] = o ? cell() : [0, 0];
        o = y.length;
        place.input.max = Math.max(0, o * o - 1);
        place.value = o ? Math.min(i, o - 1) * o + Math.min(j, o - 1) : 0; // draws
        place.input.disabled = o < 2;
        return;
      }
      const [i, j] = o ? cell() : [0, 0];
      const pixel = (u, v) => (x[u - P] || [])[v - P];
      const tap = (first, u) => u >= first && (u - first) % D === 0 && (u - first) / D < w.length;
      const read = (u) => range(o).some((first) => tap(S * first, u));
      input.clear();
      resize(input, N + 2 * P);
      output.clear();
      resize(output, Math.max(K, o));
      table(input, 2, `x ${N}×${N}, p = ${P}`, N + 2 * P, (u, v) => ({
        text: pixel(u, v) ?? 0, on: o && tap(S * i, u) && tap(S * j, v),
        fill: `var(--fig-${pixel(u, v) === undefined ? "soft" : "paper"})`,
        ...(o && !(read(u) && read(v)) && { "stroke-dasharray": "2 3", opacity: 0.5 }),
      }));
      table(output, 2, `w ${K}×${K}`, K, (a, b) => ({ text: w[a][b] }));
      table(output, right(), o ? `y ${o}×${o}` : "y –", o,
        (a, b) => ({ text: y[a][b], on: a === i && b === j }));
      if (!o) { fig.tell(say(`放不下：${problem}。`, `It does not fit: ${problem}.`)); return; }
      const terms = w.flatMap((row, a) =>
        row.map((weight, b) => [pixel(S * i + D * a, S * j + D * b) || 0, weight]))
        .filter(([u, v]) => u * v).map(([u, v]) => `${u}×${v < 0 ? `(${v})` : v}`).join(" + ") || "0";
      fig.tell(minus(`o = ⌊(${N} + 2×${P} − ${D}×(${K} − 1) − 1) / ${S}⌋ + 1 = `
        + `⌊${N + 2 * P - D * (K - 1) - 1}/${S}⌋ + 1 = ${o}${say("；", "; ")}y(${i}, ${j}) = ${terms} = ${y[i][j]}`));
    };
  });
})();
