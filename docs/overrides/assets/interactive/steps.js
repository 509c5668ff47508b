// Gradient descent in a valley: the step size against the curvature.
// The same numbers as dlguide/optimizers/gradient_descent.py.
(() => {
  const { figure, minus, scale, say } = window.dlguide;

  // multiplier of the error in each direction, and of the slowest
  const rate = (eta, lam) => {
    const m = lam.map((l) => 1 - eta * l);
    return { m, rho: Math.max(...m.map(Math.abs)) };
  };
  const largestStep = (lam) => 2 / Math.max(...lam);
  const bestStep = (lam) => 2 / (Math.min(...lam) + Math.max(...lam));

  // n steps from w on f(w) = sum of lam_i w_i^2 / 2
  const path = (lam, eta, w, n) => {
    const points = [w];
    for (let t = 0; t < n; t += 1) {
      w = w.map((value, i) => value - eta * (lam[i] * value));
      points.push(w);
    }
    return points;
  };

  const verdict = (eta, lam) => {
    const { m, rho } = rate(eta, lam);
    if (Math.abs(rho - 1) < 1e-9) return "stays";
    if (rho > 1) return "diverges";
    return Math.min(...m) < -1e-9 ? "oscillates" : "converges";
  };

  window.dlguide.steps = { rate, largestStep, bestStep, path, verdict };

  const WORDS = {
    converges: say("收敛，不越过谷底", "converges without overshooting"),
    oscillates: say("来回振荡，但收敛", "oscillates and converges"),
    stays: say("来回跳，永不靠近", "jumps from side to side forever"),
    diverges: say("越跳越远，发散", "diverges"),
  };
  const START = [-4.5, 2];
  const N = 40;

  figure("steps", (fig) => {
    const eta = fig.slider(say("学习率 η", "learning rate η"),
      { min: 0.005, max: 0.4, step: 0.005, value: 0.19 }, (x) => x.toFixed(3));
    const steep = fig.slider(say("陡方向的曲率 λ₂", "curvature λ₂ of the steep direction"),
      { min: 1, max: 20, step: 1, value: 10 });
    const valley = fig.picture(320, 220);
    const error = fig.picture(320, 220);
    const x = scale(-5, 5, 0, 320);
    const y = scale(-3.4375, 3.4375, 220, 0);
    const t = scale(0, N, 44, 310);
    const size = (v) => scale(-6, 3, 190, 10)(Math.log10(Math.max(Math.abs(v), 1e-9)));

    const drawValley = (points, lam) => {
      valley.clear();
      for (const a of [1.2, 2.4, 3.6, 4.8, 6]) {
        valley.add("ellipse", { cx: x(0), cy: y(0), rx: a * 32, ry: (a * 32) / Math.sqrt(lam[1]),
          fill: "none", stroke: "var(--fig-grid)" });
      }
      const seen = points.filter(([a, b]) => Math.hypot(a, b) < 50);
      valley.add("path", { d: `M${seen.map(([a, b]) => `${x(a)} ${y(b)}`).join("L")}`,
        fill: "none", stroke: "var(--fig-1)", "stroke-width": 1.5 });
      for (const [a, b] of seen) valley.add("circle", { cx: x(a), cy: y(b), r: 3, fill: "var(--fig-1)" });
      valley.add("path", { d: `M${x(0) - 6} ${y(0)}h12m-6 -6v12`, stroke: "currentColor", "stroke-width": 2 });
      valley.add("text", { x: 312, y: 212, "text-anchor": "end", fill: "currentColor" }, "w₁ →  w₂ ↑");
    };

    const drawError = (points, m) => {
      error.clear();
      for (const [p, words] of [[3, "10³"], [0, "1"], [-3, "10⁻³"], [-6, "10⁻⁶"]]) {
        const row = size(10 ** p);
        error.add("path", { d: `M44 ${row}H310`, stroke: "var(--fig-grid)" });
        error.add("text", { x: 40, y: row + 5, "text-anchor": "end", fill: "currentColor" }, words);
      }
      error.add("text", { x: 177, y: 212, "text-anchor": "middle", fill: "currentColor" },
        say("步数 0 到 40", "step 0 to 40"));
      [["--fig-3", "2 4", "|w₁|"], ["--fig-2", "", "|w₂|"]].forEach(([color, dash, name], i) => {
        const kept = points.map((w) => w[i]).findIndex((v) => !v || Math.abs(v) > 1e4);
        const values = points.map((w) => w[i]).slice(0, kept < 0 ? N + 1 : kept + 1);
        const look = { stroke: `var(${color})`, "stroke-width": 2.5, "stroke-dasharray": dash, fill: "none" };
        error.add("path", { d: `M${values.map((v, n) => `${t(n)} ${size(v)}`).join("L")}`, ...look });
        error.add("path", { d: `M${60 + i * 125} 16h26`, ...look });
        error.add("text", { x: 92 + i * 125, y: 21, fill: "currentColor" },
          `${name}: × ${minus(m[i].toFixed(2))}`);
      });
    };

    return () => {
      const lam = [1, steep.value];
      const { m, rho } = rate(eta.value, lam);
      const points = path(lam, eta.value, START, N);
      drawValley(points, lam);
      drawError(points, m);
      const limit = largestStep(lam);
      const sign = Math.abs(eta.value - limit) < 1e-9 ? "=" : eta.value < limit ? "<" : ">";
      const law = `η = ${eta.value.toFixed(3)} ${sign} 2/λ₂ = ${limit.toFixed(3)}`;
      const far = Math.hypot(...points[N]).toPrecision(2);
      const best = bestStep(lam).toFixed(3);
      fig.tell(minus(say(
        `${law}：${WORDS[verdict(eta.value, lam)]}。每步乘以 ${m[0].toFixed(2)} 与 ${m[1].toFixed(2)}，ρ = ${rho.toFixed(2)}；${N} 步之后离谷底 ${far}。最好的固定步长是 ${best}。`,
        `${law}: ${WORDS[verdict(eta.value, lam)]}. Each step multiplies by ${m[0].toFixed(2)} and ${m[1].toFixed(2)}, ρ = ${rho.toFixed(2)}; after ${N} steps the bottom is ${far} away. The best fixed step is ${best}.`)));
    };
  });
})();
