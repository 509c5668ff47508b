// Receptive field: the numbers of dlguide/layers/convolution.py.
(() => {
  const { figure, say } = window.dlguide;
  const range = (n) => [...Array(n).keys()];

  // receptive_field of the module, after each layer: [[r, t], ...]
  const receptiveField = (stack) => {
    let [r, t] = [1, 1];
    return stack.map(([k, s, d]) => {
      r += d * (k - 1) * t; // (convolution:r)
      t *= s;
      return [r, t];
    });
  };

  // Paths from one output down to each cell: conv2d_transpose of a 1 with
  // kernels of ones. One list per layer, output first, input last.
  const paths = (stack) => [...stack].reverse().reduce((rows, [k, s, d]) => {
    const above = rows[rows.length - 1];
    const row = Array(s * (above.length - 1) + d * (k - 1) + 1).fill(0);
    above.forEach((count, i) => {
      for (let a = 0; a < k; a += 1) row[s * i + d * a] += count;
    });
    return [...rows, row];
  }, [[1]]);

  window.dlguide.receptive_field = { receptiveField, paths };

  figure("receptive_field", (fig) => {
    const slide = (words, max, value) => fig.slider(words, { min: 1, max, value });
    const [m, k, s, d] = [
      slide(say("层数 m", "layers m"), 4, 3), slide(say("卷积核 k", "kernel k"), 5, 3),
      slide(say("步幅 s", "stride s"), 3, 1), slide(say("膨胀 d", "dilation d"), 3, 1),
    ];
    const double = fig.check(say("每层膨胀加倍", "dilation doubles at each layer"), false);
    const picture = fig.picture(320, 300);
    picture.svg.style.maxWidth = "none";

    // one row of cells for each layer, output on top, input at the bottom
    const show = (stack, fields, rows) => {
      const wide = Math.min(640, Math.max(280, picture.svg.parentElement.clientWidth));
      const depth = stack.length;
      const input = rows[depth];
      const [gap, high] = [52, 46];
      const bottom = 14 + depth * gap;
      const cell = Math.min(30, (wide - 24) / (input.length + 2));
      const side = cell * 0.8;
      const begin = 24 + (wide - 24 - input.length * cell) / 2;
      const [sizes, steps] = [[1, ...fields.map(([r]) => r)], [1, ...fields.map(([, t]) => t)]];
      const x = (l, i) => begin + (i * steps[l] + sizes[l] / 2) * cell; // its center
      const most = Math.max(...input);
      const middle = (l) => 14 + (depth - l) * gap;
      picture.clear();
      picture.svg.setAttribute("viewBox", `0 0 ${wide} ${bottom + high + 36}`);
      const text = (left, top, words, more) =>
        picture.add("text", { x: left, y: top, fill: "currentColor", ...more }, words);
      const square = (l, i, count) => picture.add("rect", { x: x(l, i) - side / 2, y: middle(l) - side / 2,
        width: side, height: side, fill: count ? "var(--fig-1)" : "var(--fig-paper)",
        stroke: `var(--fig-${count ? 1 : "grid"})` });
      // taps of the cells that the output depends on
      picture.add("path", { stroke: "var(--fig-1)", opacity: 0.6, d: stack.flatMap(([K, S, D], l) =>
        rows[depth - l - 1].flatMap((count, i) => (count ? range(K).map((a) =>
          `M${x(l + 1, i)} ${middle(l + 1)}L${x(l, S * i + D * a)} ${middle(l)}`) : []))).join("") });
      rows.forEach((row, index) => {
        const l = depth - index;
        text(0, middle(l) + 5, l || "x");
        row.forEach((count, i) => square(l, i, count));
      });
      square(0, -1, 0);
      square(0, input.length, 0);
      input.forEach((count, i) => {
        const [top, bar] = [bottom + side / 2 + 4, (high * count) / most];
        picture.add("rect", { x: x(0, i) - side / 2, y: top, width: side, height: bar, fill: "var(--fig-2)" });
        if (cell > 20 && count && count < 1000) text(x(0, i), top + bar + 16, count, { "text-anchor": "middle" });
      });
    };

    const draw = () => {
      const stack = range(m.value).map((l) => [k.value, s.value, d.value * (double.value ? 2 ** l : 1)]);
      const fields = receptiveField(stack);
      const rows = paths(stack);
      const [r] = fields[stack.length - 1];
      const seen = rows[stack.length].filter(Boolean).length;
      if (r <= 100) show(stack, fields, rows);
      else picture.clear();
      const steps = fields.map(([size], l) => {
        const [before, spacing] = l ? fields[l - 1] : [1, 1];
        return `r${"₁₂₃₄"[l]} = ${before} + ${stack[l][2]}×(${k.value} − 1)×${spacing} = ${size}`;
      }).join(say("；", "; "));
      fig.tell(steps + say(`。读到其中 ${seen} 个像素`, `. ${seen} of these pixels are read`)
        + (r > 100 ? say("；太宽，画不下。", "; too wide to draw.") : say("。", ".")));
    };
    addEventListener("resize", draw);
    return draw;
  });
})();
