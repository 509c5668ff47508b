// What the page can do with JavaScript; it reads the same without this file.
(() => {
  const zh = document.documentElement.lang.startsWith("zh");
  const say = (chinese, english) => (zh ? chinese : english);
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  };

  // A copy button on each block of code. Line numbers are CSS, so the text
  // of the block is the code itself.
  document.querySelectorAll(".md-typeset pre > code").forEach((code) => {
    const button = make("button", "copy", say("复制", "Copy"));
    button.type = "button";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = say("已复制", "Copied");
      setTimeout(() => { button.textContent = say("复制", "Copy"); }, 2000);
    });
    code.parentElement.after(button);
    code.parentElement.parentElement.classList.add("has-copy");
  });

  // Quoted code folded or shown: one choice for all pages, remembered.
  const store = {
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch { /* file:// */ } },
  };
  const folds = [];
  const fold = (folded) => {
    document.documentElement.classList.toggle("fold-code", folded);
    folds.forEach((button) => {
      button.textContent = folded ? say("展开代码", "Show code") : say("收起代码", "Hide code");
      button.setAttribute("aria-expanded", String(!folded));
    });
  };
  document.querySelectorAll(".quote-head").forEach((head) => {
    const button = make("button", "fold");
    button.type = "button";
    button.addEventListener("click", () => {
      const before = button.getBoundingClientRect().top;
      const folded = !document.documentElement.classList.contains("fold-code");
      fold(folded);
      store.set("dlguide-code", folded ? "folded" : "shown");
      scrollBy({ top: button.getBoundingClientRect().top - before, behavior: "instant" });
    });
    head.prepend(button);
    folds.push(button);
  });
  fold(store.get("dlguide-code") === "folded");
  // a link to a line of folded code unfolds it
  const unfold = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (target && target.closest(".quote")) { fold(false); target.scrollIntoView(); }
  };
  addEventListener("hashchange", unfold);
  unfold();

  // Light or dark: the system's choice until the reader makes one.
  const schemes = [...document.querySelectorAll(".scheme")];
  const paint = (name) => { document.body.dataset.mdColorScheme = name; };
  schemes.forEach((button) => {
    button.addEventListener("click", () => {
      paint(button.dataset.scheme);
      store.set("dlguide-scheme", button.dataset.scheme);
      schemes.find((other) => other !== button).focus();
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
    if (!store.get("dlguide-scheme")) paint(event.matches ? "slate" : "default");
  });

  // A term's definition on hover, on keyboard focus and on a first tap.
  const tip = make("div", "term-tip");
  tip.id = "term-tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  let owner = null;
  let timer = 0;
  const hide = () => {
    clearTimeout(timer);
    tip.hidden = true;
    if (owner) owner.removeAttribute("aria-describedby");
    owner = null;
  };
  const show = (term) => {
    clearTimeout(timer);
    if (owner === term) return;
    hide();
    owner = term;
    const word = make("b", "", term.dataset.word);
    word.lang = term.dataset.lang;
    tip.replaceChildren(word, make("span", "", term.dataset.def));
    tip.hidden = false;
    const box = term.getClientRects()[0];
    const width = Math.min(352, document.documentElement.clientWidth - 16);
    tip.style.width = `${width}px`;
    const left = Math.min(box.left, document.documentElement.clientWidth - width - 8);
    tip.style.left = `${Math.max(8, left) + scrollX}px`;
    const below = box.bottom + 6;
    const above = box.top - tip.offsetHeight - 6;
    const fits = below + tip.offsetHeight < innerHeight || above < 60;
    tip.style.top = `${(fits ? below : above) + scrollY}px`;
    term.setAttribute("aria-describedby", "term-tip");
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(hide, 200); };
  const terms = document.querySelectorAll("a.term");
  if (terms.length) document.body.append(tip);
  terms.forEach((term) => {
    term.addEventListener("mouseenter", () => show(term));
    term.addEventListener("mouseleave", later);
    term.addEventListener("focus", () => show(term));
    term.addEventListener("blur", hide);
    term.addEventListener("click", (event) => {
      if (matchMedia("(hover: none)").matches && term.dataset.open !== "yes") {
        event.preventDefault();
        term.dataset.open = "yes";
        show(term);
      }
    });
  });
  tip.addEventListener("mouseenter", () => clearTimeout(timer));
  tip.addEventListener("mouseleave", later);
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // The theme opens the menu and, on phones, the search with labels, which
  // no key reaches: buttons.
  const button = (toggle, className, text) => {
    const label = document.querySelector(`.md-header__button[for=${toggle.id}]`);
    const key = make("button", `md-header__button md-icon ${className}`);
    key.type = "button";
    key.setAttribute("aria-label", text);
    const tell = () => key.setAttribute("aria-expanded", String(toggle.checked));
    key.addEventListener("click", () => toggle.click());
    toggle.addEventListener("change", tell);
    key.append(...label.childNodes);
    label.replaceWith(key);
    tell();
    return key;
  };
  const drawer = document.getElementById("__drawer");
  button(drawer, "menu", say("菜单", "Menu"));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drawer.checked) drawer.click();
  });
  const searching = document.getElementById("__search");
  const search = document.querySelector(".md-search__input");
  const look = button(searching, "look", say("搜索", "Search"));
  searching.addEventListener("change", () => (searching.checked ? search : look).focus());

  // The theme fetches the index of the search, 100 KiB and more, with each
  // page. Wait for a reader who turns to the search; from file:// a script
  // holds the index, and nothing waits.
  const wanted = new Promise((resolve) => {
    for (const event of ["focus", "pointerenter"]) search.addEventListener(event, resolve);
  });
  const { open, send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    this.waits = String(url).endsWith("search/search_index.json");
    open.call(this, method, url, ...rest);
  };
  XMLHttpRequest.prototype.send = function (body) {
    if (this.waits) wanted.then(() => send.call(this, body));
    else send.call(this, body);
  };

  // The theme loses a query typed while the index still loads: ask again.
  let asking = 0;
  const ask = (left) => {
    const query = search.value;
    if (!query || !left || document.querySelector(".md-search-result__item")) return;
    for (const value of ["", query]) {
      search.value = value;
      search.dispatchEvent(new KeyboardEvent("keyup", { bubbles: true }));
    }
    asking = setTimeout(ask, 700, left - 1);
  };
  search.addEventListener("input", () => {
    clearTimeout(asking);
    asking = setTimeout(ask, 700, 30);
  });

  // On paper everything is shown: solutions unfolded, code too.
  let opened = [];
  let scheme = "";
  addEventListener("beforeprint", () => {
    scheme = document.body.dataset.mdColorScheme;
    document.body.dataset.mdColorScheme = "default";
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => {
    document.body.dataset.mdColorScheme = scheme;
    opened.forEach((details) => { details.open = false; });
  });
})();
