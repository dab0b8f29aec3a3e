"use strict";
// The page is whole without this. It adds a switch between light and dark, a button that opens all findings, a cursor
// over the charts of time, and opens everything but tables of figures before printing.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = document.getElementById("theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const name = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.hidden = false;
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; name(); });
  dark.addEventListener("change", name);
  name();

  for (const button of document.querySelectorAll("button[data-open]")) {
    const all = [...document.querySelectorAll(button.dataset.open)];
    button.hidden = false;
    button.addEventListener("click", () => {
      const open = all.some((part) => !part.open);
      for (const part of all) part.open = open;
      button.textContent = open ? "Close all" : "Open all";
    });
  }

  // What an address names is opened.
  const reveal = () => {
    const part = document.getElementById(location.hash.slice(1));
    if (part && part.tagName === "DETAILS") part.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open]):not([data-quiet])")];
    for (const part of closed) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of closed) part.open = false; });

  for (const figure of document.querySelectorAll("figure[data-to]")) {
    const svg = figure.querySelector("svg.chart");
    const line = svg.querySelector(".cursor");
    const cursor = figure.querySelector(".cursor-row");
    const range = cursor.querySelector("input");
    const told = cursor.querySelector("output");
    const table = figure.querySelector("table");
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const rows = [...table.tBodies[0].rows];
    if (rows.length === 0) continue;
    const at = rows.map((row) => parseFloat(row.cells[0].textContent));
    const { left, right, top, bottom, to, step } = Object.fromEntries(
      Object.entries(figure.dataset).map(([key, value]) => [key, parseFloat(value)]));
    const show = (index) => {
      const x = left + ((at[index] + step / 2) / to) * (right - left);
      line.setAttribute("d", `M${x} ${top}V${bottom}`);
      range.value = index;
      told.textContent = [...rows[index].cells].map((cell, place) => `${heads[place]} ${cell.textContent}`).join(" · ");
    };
    range.max = rows.length - 1;
    cursor.hidden = false;
    range.addEventListener("input", () => show(range.valueAsNumber));
    svg.addEventListener("pointermove", (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const seconds = ((point.x - left) / (right - left)) * to - step / 2;
      let best = 0;
      for (let index = 1; index < at.length; index += 1) {
        if (Math.abs(at[index] - seconds) < Math.abs(at[best] - seconds)) best = index;
      }
      show(best);
    });
  }
})();
