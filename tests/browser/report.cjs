// Opens a report in a headless browser, uses it as a reader would, and says what it saw, as JSON on standard output.
//   node report.cjs PAGE FOLDER NAME
// LANDFALL_NODE_MODULES is the folder of the libraries, LANDFALL_CHROMIUM the browser.
"use strict";
const { createRequire } = require("node:module");
const { join, resolve } = require("node:path");
const { pathToFileURL } = require("node:url");

const load = createRequire(join(resolve(process.env.LANDFALL_NODE_MODULES), "from.cjs"));
const puppeteer = load("puppeteer-core");
const axe = load("axe-core");

const [file, folder, name] = process.argv.slice(2);
const address = pathToFileURL(resolve(file)).href;

const violations = async (page) => {
  await page.evaluate(axe.source);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, impact, help, nodes }) => ({
    id, impact, help, where: nodes.slice(0, 3).map((node) => node.html.slice(0, 200)),
  }));
};

const open = (page) => page.$$eval("details.finding", (all) => all.map((one) => one.open));
const paper = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

(async () => {
  const browser = await puppeteer.launch({
    executablePath: process.env.LANDFALL_CHROMIUM,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--force-device-scale-factor=1"],
  });
  const seen = { complaints: [], requests: [] };
  try {
    const watch = (page) => {
      page.on("console", (message) => {
        if (["error", "warn"].includes(message.type())) seen.complaints.push(message.text());
      });
      page.on("pageerror", (error) => seen.complaints.push(String(error)));
      page.on("request", (request) => {
        const url = request.url();
        if (url.split("#")[0] !== address && !url.startsWith("data:")) seen.requests.push(url);
      });
    };
    const page = await browser.newPage();
    watch(page);
    await page.setViewport({ width: 1200, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
    await page.goto(address, { waitUntil: "load" });
    seen.title = await page.title();
    seen.verdict = await page.$eval(".verdict .word", (word) => word.textContent.trim());
    seen.verdictTop = await page.$eval(".verdict", (box) => box.getBoundingClientRect().bottom);
    seen.light = await paper(page);
    seen.closed = await open(page);
    await page.screenshot({ path: join(folder, `${name}-top.png`) });

    // By keyboard alone: the first finding opens, and closes again.
    if (seen.closed.length > 0) {
      await page.focus("details.finding summary");
      await page.keyboard.press("Enter");
      seen.openedByKey = await open(page);
    }
    const button = await page.$("button[data-open]");
    if (button) {
      await button.click();
      seen.openedByButton = await open(page);
    }
    seen.violationsLight = await violations(page);
    await page.screenshot({ path: join(folder, `${name}-light.png`), fullPage: true });

    await page.click("#theme");
    seen.dark = await paper(page);
    seen.violationsDark = await violations(page);
    await page.screenshot({ path: join(folder, `${name}-dark.png`), fullPage: true });

    // The cursor over a chart of time, by key and by pointer.
    const range = await page.$("#latency figure[data-to] input[type=range]");
    if (range) {
      await range.focus();
      await page.keyboard.press("ArrowRight");
      const told = () => page.$eval("#latency figure[data-to] output", (output) => output.textContent);
      seen.cursorByKey = await told();
      const row = (index) => page.$eval(
        "#latency figure[data-to] table", (table, at) => table.tBodies[0].rows[at].textContent, index);
      seen.secondRow = await row(1);
      const box = await (await page.$("#latency figure[data-to] svg.chart")).boundingBox();
      await page.mouse.move(box.x + box.width - 20, box.y + box.height / 2);
      seen.cursorByPointer = await told();
    }
    seen.scripts = await page.$$eval("script", (all) => all.length);
    seen.ran = await page.evaluate(() => window.pwned === undefined ? null : String(window.pwned));
    seen.images = await page.$$eval("img, iframe, object, embed, form, link[rel=stylesheet]", (all) => all.length);

    await page.setViewport({ width: 360, height: 800 });
    seen.narrow = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    await page.screenshot({ path: join(folder, `${name}-narrow.png`) });
    // On paper, all evidence is open, and the theme of the screen does not matter.
    await page.$$eval("details.finding", (all) => { for (const one of all) one.open = false; });
    await page.evaluate(() => addEventListener("beforeprint", () => {
      window.printed = [...document.querySelectorAll("details.finding")].map((one) => one.open);
    }));
    await page.pdf({ path: join(folder, `${name}.pdf`), format: "A4" });
    seen.printed = await page.evaluate(() => window.printed);
    await page.emulateMediaType("print");
    seen.paperOnPaper = await paper(page);

    // Without its script, the page still says everything.
    const plain = await browser.newPage();
    watch(plain);
    await plain.setJavaScriptEnabled(false);
    await plain.goto(address, { waitUntil: "load" });
    seen.verdictWithoutScript = await plain.$eval(".verdict .word", (word) => word.textContent.trim());
    const summary = await plain.$("details.finding summary");
    if (summary) {
      await summary.click();
      seen.openedWithoutScript = await open(plain);
    }
  } finally {
    await browser.close();
  }
  process.stdout.write(JSON.stringify(seen));
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
