// The region that a trained 2-4-1 network calls "yes", and what its units
// say at a point. The same numbers as dlguide/basics/neural_network.py.
(() => {
  const { figure, minus, scale, say } = window.dlguide;

  // net: W_1 (2, N), b_1 (N), W_2 (N, 1), b_2 (1); on: 1 or 0 for each unit
  const forward = (net, x, on) => {
    const h = net.b_1.map((b, j) => on[j] * Math.max(
      0, x[0] * net.W_1[0][j] + x[1] * net.W_1[1][j] + b));
    const y_hat = h.reduce((sum, value, j) => sum + value * net.W_2[j][0], net.b_2[0]);
    return { h, y_hat, p: 1 / (1 + Math.exp(-y_hat)) };
  };

  // share of the square on which the network and the disc agree
  const agreement = (net, on) => {
    let right = 0;
    for (let i = -99; i < 100; i += 2) {
      for (let j = -99; j < 100; j += 2) {
        right += (forward(net, [i / 100, j / 100], on).y_hat > 0) === (i * i + j * j < 4900);
      }
    }
    return right / 1e4;
  };

  // the part of a convex polygon where f is above 0; f is affine on it
  const clip = (polygon, f) => polygon.flatMap((p, i) => {
    const q = polygon[(i + 1) % polygon.length];
    const [a, b] = [f(p), f(q)];
    const cut = p.map((value, k) => value + (a / (a - b)) * (q[k] - value));
    return [...(a > 0 ? [p] : []), ...((a > 0) !== (b > 0) ? [cut] : [])];
  });

  // Polygons in which the answer is yes: the lines of the units cut the
  // square, and in each part the network is affine.
  const regions = (net, on) => {
    let parts = [[[-1, -1], [1, -1], [1, 1], [-1, 1]]];
    net.b_1.forEach((b, j) => {
      const z = (p) => p[0] * net.W_1[0][j] + p[1] * net.W_1[1][j] + b;
      if (on[j]) parts = parts.flatMap((part) => [clip(part, z), clip(part, (p) => -z(p))]);
    });
    return parts.map((part) => clip(part, (p) => forward(net, p, on).y_hat))
      .filter((part) => part.length > 2);
  };

  window.dlguide.decision_regions = { forward, agreement, regions };

  figure("decision_regions", (fig) => {
    const net = fig.data;
    const names = net.b_1.map((_, j) => `h${"₁₂₃₄"[j]}`);
    const range = { min: -1, max: 1, step: 0.02 };
    const at = [0.4, 0.4].map((value, i) => fig.slider(
      `x${"₁₂"[i]}`, { ...range, value }, (v) => v.toFixed(2)));
    const units = net.b_1.map((_, j) => fig.check(`${say("用", "use")} ${names[j]}`));
    const plane = fig.picture(320, 320);
    const parts = fig.picture(320, 320);
    const x = scale(-1, 1, 0, 320);
    const y = scale(-1, 1, 320, 0);
    const bar = scale(-32, 10, 118, 312);
    const shares = {}; // for each choice of units
    plane.drag((a, b) => {
      const [first, second] = at;
      first.value = a / 160 - 1;
      second.value = 1 - b / 160;
    });

    const drawPlane = (on, point) => {
      plane.clear();
      const yes = regions(net, on).map(
        (part) => `M${part.map((p) => `${x(p[0])} ${y(p[1])}`).join("L")}z`);
      plane.add("path", { d: yes.join(""), fill: "var(--fig-6)", "fill-opacity": 0.35 });
      plane.add("circle", { cx: 160, cy: 160, r: 112, fill: "none", stroke: "currentColor",
        "stroke-width": 1.5, "stroke-dasharray": "2 4" });
      net.b_1.forEach((b, j) => {
        if (!on[j]) return;
        const [u, v] = [net.W_1[0][j], net.W_1[1][j]];
        const size = u * u + v * v;
        const [a, c] = [(-b * u) / size, (-b * v) / size]; // nearest to the center
        plane.add("path", { d: `M${x(a - v)} ${y(c + u)}L${x(a + v)} ${y(c - u)}`,
          stroke: "var(--fig-2)", "stroke-width": 1.5, "stroke-dasharray": "6 4" });
        const far = 0.12 / Math.sqrt(size);
        plane.add("text", { x: x(a + far * u), y: y(c + far * v) + 5, "text-anchor": "middle",
          fill: "currentColor" }, names[j]);
      });
      plane.add("path", { d: `M${x(point[0])} ${y(point[1])}m-9 0h18m-9 -9v18`,
        stroke: "var(--fig-4)", "stroke-width": 3 });
      plane.add("path", { d: "M0.5 0.5h319v319h-319z", fill: "none", stroke: "var(--fig-grid)" });
    };

    const drawParts = (on, { h, y_hat }) => {
      parts.clear();
      const rows = [[`b₂ = ${minus(net.b_2[0].toFixed(2))}`, net.b_2[0]], ...h.map((value, j) => [
        `${names[j]} = ${on[j] ? value.toFixed(2) : say("关", "off")}`, value * net.W_2[j][0]]),
        [`ŷ = ${minus(y_hat.toFixed(2))}`, y_hat]];
      parts.add("text", { x: 312, y: 20, "text-anchor": "end", fill: "currentColor" },
        "ŷ = b₂ + Σ h × W₂");
      rows.forEach(([name, value], i) => {
        const top = 40 + i * 45;
        const [from, to] = [bar(0), bar(Math.max(value, -32))].sort((a, b) => a - b);
        parts.add("text", { x: 4, y: top + 16, fill: "currentColor" }, name);
        parts.add("rect", { x: from, y: top, width: to - from, height: 22,
          fill: `var(--fig-${value < 0 ? 2 : 1})` });
        if (i) parts.add("text", { x: bar(0) + 6, y: top + 16, fill: "currentColor" },
          i < 5 && value ? minus(value.toFixed(1)) : "");
      });
      parts.add("path", { d: `M${bar(0)} 32V300M4 ${40 + 5 * 45 - 12}H312`, stroke: "currentColor" });
    };

    return () => {
      const on = units.map((unit) => Number(unit.value));
      const point = at.map((slider) => slider.value);
      const now = forward(net, point, on);
      drawPlane(on, point);
      drawParts(on, now);
      const active = names.filter((_, j) => now.h[j] > 0).join(say("、", ", "));
      const place = `(${point.map((v) => v.toFixed(2)).join(", ")})`;
      const p = `ŷ = ${now.y_hat.toFixed(2)}${say("，", ", ")}p = ${now.p.toFixed(3)}`;
      const yes = now.y_hat > 0;
      shares[on] = shares[on] || (100 * agreement(net, on)).toFixed(1);
      fig.tell(minus(say(
        `在 ${place}，开着的单元：${active || "无"}；${p}，判为“${yes ? "是" : "否"}”。网络与圆在正方形的 ${shares[on]}% 上一致。`,
        `At ${place}, units on: ${active || "none"}; ${p}, the answer is ${yes ? "yes" : "no"}. Network and disc agree on ${shares[on]}% of the square.`)));
    };
  });
})();
