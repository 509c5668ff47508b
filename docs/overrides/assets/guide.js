// A copy button on each block of code. Line numbers are CSS, so the text of
// the block is the code itself. The page reads the same without this file.
document.querySelectorAll(".md-typeset pre > code").forEach((code) => {
  const zh = document.documentElement.lang.startsWith("zh");
  const [copy, copied] = zh ? ["复制", "已复制"] : ["Copy", "Copied"];
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = copied;
    setTimeout(() => { button.textContent = copy; }, 2000);
  });
  code.parentElement.after(button);
  code.parentElement.parentElement.classList.add("has-copy");
});
