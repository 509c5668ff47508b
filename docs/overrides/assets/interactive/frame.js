// What the interactive figures share; loaded before each of them.
(() => {
  const zh = document.documentElement.lang.startsWith("zh");
  const say = (chinese, english) => (zh ? chinese : english);

  const put = (parent, space, name, attributes = {}, text = "") => {
    const element = document.createElementNS(`http://www.w3.org/${space}`, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    parent.append(element);
    return element;
  };
  const html = (parent, ...rest) => put(parent, "1999/xhtml", ...rest);

  // The sign of a negative number as it is printed.
  const minus = (text) => String(text).replaceAll("-", "−");

  // A function that maps [a, b] onto [c, d].
  const scale = (a, b, c, d) => (x) => c + ((x - a) / (b - a)) * (d - c);

  // Fill the figure `name` of the page: `build(fig)` adds controls and
  // pictures and returns the function that draws their state.
  const figure = (name, build) => {
    const box = document.getElementById(`int-${name}`);
    if (!box) return;
    const app = box.querySelector(".int-app");
    const data = box.querySelector("script[type='application/json']");
    const controls = html(app, "div", { class: "int-controls" });
    const output = html(app, "output", { "aria-live": "polite" });
    const pictures = html(app, "div", { class: "int-pictures" });
    let draw = () => {};

    // Controls that share a row of their own: buttons, or boxes.
    const row = (name) => {
      const last = controls.lastElementChild;
      return last && last.className === name ? last : html(controls, "div", { class: name });
    };

    let count = 0;
    const control = (label, tag, attributes, parent = controls) => {
      const place = html(parent, "div", { class: "int-control" });
      const id = `int-${name}-${count += 1}`;
      html(place, "label", { for: id }, label);
      return html(place, tag, { id, ...attributes });
    };
    const number = (input) => ({
      get value() { return Number(input.value); },
      set value(value) { input.value = value; input.dispatchEvent(new Event("input")); },
      input,
    });

    const fig = {
      say, data: data && JSON.parse(data.textContent),

      // A slider; `show` turns its value into the words beside it.
      slider(label, range, show = String) {
        const input = control(label, "input", { type: "range", ...range });
        const shown = html(input.parentElement, "span", { "aria-hidden": "true" });
        const update = () => {
          shown.textContent = show(Number(input.value));
          input.setAttribute("aria-valuetext", shown.textContent);
        };
        input.addEventListener("input", () => { update(); draw(); });
        update();
        return number(input);
      },

      // A list of [value, words] to choose from.
      choice(label, options) {
        const input = control(label, "select");
        for (const [value, words] of options) html(input, "option", { value }, words);
        input.addEventListener("input", () => draw());
        return { get value() { return input.value; }, input };
      },

      check(label, checked = true) {
        const input = control(label, "input", { type: "checkbox" }, row("int-checks"));
        input.checked = checked;
        input.addEventListener("input", () => draw());
        return { get value() { return input.checked; }, input };
      },

      button(label, action) {
        const place = html(row("int-buttons"), "div", { class: "int-control" });
        const input = html(place, "button", { type: "button" }, label);
        input.addEventListener("click", () => { action(); draw(); });
      },

      // A picture to draw in; phones show 320 units of width at full size.
      picture(width, height) {
        const svg = put(pictures, "2000/svg", "svg", {
          viewBox: `0 0 ${width} ${height}`, role: "img" });
        return {
          svg,
          clear() { svg.replaceChildren(); },
          add: (tag, attributes, text) => put(svg, "2000/svg", tag, attributes, text),
          // call `move(x, y)` where the reader points or taps
          drag(move) {
            svg.classList.add("int-drag");
            const at = (event) => {
              const area = svg.getBoundingClientRect();
              move(((event.clientX - area.left) / area.width) * width,
                ((event.clientY - area.top) / area.height) * height);
            };
            svg.addEventListener("pointerdown", (event) => {
              svg.setPointerCapture(event.pointerId);
              at(event);
            });
            svg.addEventListener("pointermove", (event) => { if (event.buttons) at(event); });
          },
        };
      },

      // What there is to see now, for the eye and for a screen reader.
      tell(text) {
        output.textContent = text;
        for (const svg of pictures.children) svg.setAttribute("aria-label", text);
      },
    };
    draw = build(fig);
    draw();
  };

  window.dlguide = { figure, minus, scale, say };
})();
