// LSTM gates: the numbers of dlguide/layers/lstm.py.
(() => {
  const { figure, minus, say } = window.dlguide;
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));

  // lstm_step of the module, for one sequence: lists of numbers
  const step = (x, hPrev, cPrev, Wx, Wh, b) => {
    const H = hPrev.length;
    const z = b.map((bias, j) => bias // (lstm:z)
      + x.reduce((sum, v, i) => sum + v * Wx[i][j], 0)
      + hPrev.reduce((sum, v, i) => sum + v * Wh[i][j], 0));
    const part = (n, f) => z.slice(n * H, (n + 1) * H).map(f);
    const [i, f, g, o] = [part(0, sigmoid), part(1, sigmoid), part(2, Math.tanh), part(3, sigmoid)];
    const c = f.map((gate, n) => gate * cPrev[n] + i[n] * g[n]); // (lstm:c)
    const h = o.map((gate, n) => gate * Math.tanh(c[n])); // (lstm:h)
    return { i, f, g, o, c, h };
  };

  const run = (xs, Wx, Wh, b) => {
    const H = b.length / 4;
    let state = { h: Array(H).fill(0), c: Array(H).fill(0) };
    return xs.map((x) => { state = step(x, state.h, state.c, Wx, Wh, b); return state; });
  };

  // a value at each step; "write" and "erase" are inputs of their own
  const VALUES = [0.3, 0.5, 0.9, 0.2, 0.6, 0.4, 0.7, 0.3, 0.1, 0.5, 0.8, 0.2];
  const [WRITE, ERASE] = [2, 8];
  const WX = [[0, 0, 1, 0], [8, 0, 0, 0], [0, -12, 0, 0]];
  const WH = [[0, 0, 0, 0]];
  // biases of i, f, o; erase?; forget gate?
  const PRESETS = [
    [say("记住", "Keep"), [-4, 6, 4], false, true],
    [say("淡忘", "Fade"), [-4, 1, 4], false, true],
    [say("擦除", "Erase"), [-4, 6, 4], true, true],
    [say("1997 年：没有遗忘门", "1997: no forget gate"), [2, 6, 4], true, false],
  ];
  const SHAPES = {
    circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0", square: "M-4-4h8v8h-8z",
    triangle: "M0-5 5 4H-5z", diamond: "M0-5 5 0 0 5-5 0z",
  };
  const CURVES = { // color, marker, dashes, width
    i: ["var(--fig-3)", "circle", "", 2], f: ["var(--fig-2)", "square", "7 3", 2],
    o: ["var(--fig-5)", "triangle", "2 3", 2], c: ["var(--fig-1)", "circle", "", 4],
    h: ["currentColor", "diamond", "7 3", 2],
  };
  // what the figure draws; without a forget gate f = 1: no weights, a bias of 99
  const history = ([bi, bf, bo], erase, gate) => run(
    VALUES.map((value, t) => [value, Number(t === WRITE), Number(erase && t === ERASE)]),
    gate ? WX : WX.map(([i, , g, o]) => [i, 0, g, o]), WH, [bi, gate ? bf : 99, 0, bo]);

  const LEFT = 30;

  window.dlguide.gates = { step, history, VALUES };

  figure("gates", (fig) => {
    let [bi, bf, bo, erase, gate] = [];
    for (const [name, biases, erased, gated] of PRESETS) {
      fig.button(name, () => {
        [erase.input.checked, gate.input.checked] = [erased, gated];
        [bi, bf, bo].forEach((bias, index) => { bias.value = biases[index]; });
      });
    }
    [bi, bf, bo] = [say("输入门偏置", "input gate bias"), say("遗忘门偏置", "forget gate bias"),
      say("输出门偏置", "output gate bias")].map((words, index) =>
      fig.slider(words, { min: -6, max: 6, step: 0.5, value: PRESETS[0][1][index] }, minus));
    const now = fig.slider(say("看第 t 步", "look at step t"), { min: 1, max: 12, value: 4 });
    erase = fig.check(say("第 9 步擦除", "erase at step 9"), false);
    gate = fig.check(say("有遗忘门", "with a forget gate"));
    const picture = fig.picture(320, 400);
    picture.svg.style.maxWidth = "none";
    let wide = 320;
    const x = (t) => LEFT + (t + 0.5) * (wide - LEFT) / 12; // center of a step
    picture.drag((left) => {
      now.value = Math.min(12, Math.max(1, Math.ceil((left * wide / 320 - LEFT) / (wide - LEFT) * 12)));
    });
    const text = (left, top, words, more) =>
      picture.add("text", { x: left, y: top, fill: "currentColor", ...more }, words);

    const inputs = () => {
      text(LEFT, 14, say("输入", "input"));
      VALUES.forEach((value, t) => {
        picture.add("rect", { x: x(t) - 5, y: 90 - 50 * value, width: 10, height: 50 * value, fill: "var(--fig-6)" });
        text(x(t), 396, t + 1, { "text-anchor": "middle" });
      });
      [[WRITE, say("写", "write")], [ERASE, say("擦", "erase")]].forEach(([t, words]) => {
        if (t === WRITE || erase.value) text(x(t), 34, words, { "text-anchor": "middle", "font-weight": 700 });
      });
    };

    // curves of the named gates or states, from 0 to `most`
    const curves = (states, top, most, names) => {
      const y = (value) => top + 100 * (1 - value / most);
      picture.add("path", { d: `M${LEFT} ${y(0)}H${wide}M${LEFT} ${y(1)}H${wide}`, stroke: "var(--fig-grid)" });
      text(LEFT - 6, y(1) + 5, 1, { "text-anchor": "end" });
      text(LEFT - 6, y(0) + 5, 0, { "text-anchor": "end" });
      [...names].forEach((name, index) => {
        const [color, shape, dashes, width] = CURVES[name];
        const mark = (left, at) =>
          picture.add("path", { d: SHAPES[shape], fill: color, transform: `translate(${left} ${at})` });
        mark(LEFT + 8 + 40 * index, top - 15);
        text(LEFT + 16 + 40 * index, top - 10, name, { "font-style": "italic" });
        const values = states.map((state) => y(state[name][0]));
        picture.add("path", { d: `M${values.map((at, t) => `${x(t)} ${at}`).join("L")}`, fill: "none",
          stroke: color, "stroke-width": width, "stroke-dasharray": dashes });
        values.forEach((at, t) => mark(x(t), at));
      });
    };

    const draw = () => {
      wide = Math.min(640, Math.max(280, picture.svg.parentElement.clientWidth));
      picture.clear();
      picture.svg.setAttribute("viewBox", `0 0 ${wide} 400`);
      bf.input.disabled = !gate.value;
      const states = history([bi.value, bf.value, bo.value], erase.value, gate.value);
      const t = now.value - 1;
      picture.add("rect", { x: x(t - 0.5), y: 20, width: x(1) - x(0), height: 362, fill: "var(--fig-soft)" });
      inputs();
      curves(states, 130, 1, "ifo");
      curves(states, 270, Math.max(1, ...states.map(({ c }) => c[0])), "ch");
      const show = (name, step = t) => (step < 0 ? 0 : states[step][name][0]).toFixed(3);
      const low = (step) => [...String(step)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
      const index = low(t + 1);
      fig.tell(minus(`c${index} = f×c${low(t)} + i×g = `
        + `${show("f")}×${show("c", t - 1)} + ${show("i")}×${show("g")} = ${show("c")}${say("；", "; ")}`
        + `h${index} = o×tanh(c${index}) = `
        + `${show("o")}×${Math.tanh(states[t].c[0]).toFixed(3)} = ${show("h")}`));
    };
    addEventListener("resize", draw);
    return draw;
  });
})();
