// Measures a signed-in page as Lighthouse does for phones: lighthouse.mjs <modules> <address> <token> <rounds>
const [modules, address, token, rounds] = process.argv.slice(2);
const { default: puppeteer } = await import(`${modules}/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js`);
const { default: lighthouse } = await import(`${modules}/lighthouse/core/index.js`);

const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const figures = [];
for (let round = 0; round < Number(rounds); round += 1) {
  const page = await browser.newPage();
  await page.goto(new URL("/healthz", address).href);
  await page.evaluate((kept) => sessionStorage.setItem("saldo.token", kept), token);
  const flags = { logLevel: "silent", formFactor: "mobile", onlyAudits: ["largest-contentful-paint"], disableStorageReset: true };
  const { lhr } = await lighthouse(address, flags, undefined, page);
  figures.push(Math.round(lhr.audits["largest-contentful-paint"].numericValue));
  await page.close();
}
await browser.close();
console.log(JSON.stringify(figures));
