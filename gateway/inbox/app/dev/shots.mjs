// The screenshot matrix of UI.md §10.1, with axe on every cell.
//   npm run shots -- --out DIR [--base URL --email E --password P] [--only page,page] [--themes light,dark] [--widths 390,1440] [--langs en,tr,rtl]
// Without --base it starts the mock with a frozen clock. Ends with 1 when axe, the policy or the console found something.
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
const arg = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : fallback;
};
const set = (name, fallback) => arg(name, fallback).split(',').filter(Boolean);
const OUT = arg('out', 'shots');
const NOW = '2026-11-12T14:38:20+03:00';
const PORT = arg('port', '4181');
const BASE = arg('base', `http://127.0.0.1:${PORT}`);
const MOCK = BASE.endsWith(`:${PORT}`);
const only = set('only', '');
const themes = set('themes', 'light,dark');
const widths = set('widths', '390,768,1024,1440,1920').map(Number);
const langs = set('langs', 'en,tr,rtl');
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const heights = { 320: 640, 390: 844, 768: 1024, 1024: 768, 1440: 900, 1920: 1080 };

const control = (q) => fetch(`${BASE}/__mock?${q}`);
const openRow = (name) => async (page) => {
  await page.getByRole('option', { name: new RegExp(name.replace(/[+()]/g, '\\$&')) }).first().click();
  await page.waitForTimeout(350);
};

/** Each page: where, in which state of the mock, and what to do before the picture. */
const pages = {
  'sign-in': { path: '/sign-in', out: true },
  setup: { path: '/setup/abc', out: true },
  'setup-used': { path: '/setup/used', out: true },
  'first-password': { path: '/inbox/mine', as: 'asli@maviev.com' },
  list: { path: '/inbox/mine' },
  inbox: { path: '/inbox/mine', act: openRow('Elif Yıldız') },
  'window-closed': { path: '/inbox/mine', act: openRow('Selin Çelik') },
  'window-closing': { path: '/inbox/mine', act: openRow('Mehmet Kaya') },
  longest: { path: '/inbox/mine', act: openRow('Muhammed') },
  'opted-out': { path: '/inbox/mine', act: openRow('Okan') },
  note: { path: '/inbox/mine', act: async (p) => { await openRow('Hannah Weber')(p); await p.getByRole('tab').nth(1).click(); await p.waitForTimeout(200); } },
  queue: { path: '/inbox/queue' },
  'queue-open': { path: '/inbox/queue', act: openRow('Kerem') },
  history: { path: '/inbox/history', act: openRow('Hakan') },
  empty: { path: '/inbox/mine', mock: 'empty=1' },
  error: { path: '/inbox/mine', mock: 'error=1' },
  loading: { path: '/inbox/mine', mock: 'slow=1', wait: 900 },
  break: { path: '/inbox/mine', mock: 'break=1', act: openRow('Hannah Weber') },
  filter: { path: '/inbox/mine', act: async (p) => { await p.locator('section.list .pane-head button').last().click(); await p.waitForTimeout(250); } },
  why: { path: '/inbox/mine', act: async (p) => { await openRow('Elif Yıldız')(p); await p.locator('.why').first().click(); await p.waitForTimeout(300); } },
  command: { path: '/inbox/mine', act: async (p) => { await openRow('Elif Yıldız')(p); await p.keyboard.press('Control+k'); await p.waitForTimeout(400); } },
  shortcuts: { path: '/inbox/mine', act: async (p) => { await p.locator('body').press('?'); await p.waitForTimeout(400); } },
  end: { path: '/inbox/mine', act: async (p) => { await openRow('Elif Yıldız')(p); await p.locator('body').press('Escape'); await p.locator('h1').first().click(); await p.keyboard.press('e'); await p.waitForTimeout(400); } },
  canned: { path: '/inbox/mine', act: async (p) => { await openRow('Hannah Weber')(p); await p.locator('#composer textarea').fill(''); await p.locator('#composer textarea').pressSequentially('/'); await p.waitForTimeout(250); } },
  emoji: { path: '/inbox/mine', act: async (p) => { await openRow('Hannah Weber')(p); await p.locator('[role=toolbar] button').nth(1).click(); await p.waitForTimeout(900); } },
  views: { path: '/inbox/mine', phone: true, act: async (p) => { await p.locator('.views').click(); await p.waitForTimeout(300); } },
  panel: { path: '/inbox/mine', phone: true, act: async (p) => { await openRow('Elif Yıldız')(p); await p.locator('header.pane-head button').last().click(); await p.getByRole('menuitem').last().click(); await p.waitForTimeout(300); } },
  offline: { path: '/inbox/mine', act: async (p) => { await openRow('Hannah Weber')(p); await control('down=1&drop=1'); await p.waitForTimeout(3200); await control('down=0'); } },
  accounts: { path: '/console/accounts' },
  account: { path: '/console/accounts', act: async (p) => { await p.locator('tbody a').first().click(); await p.waitForTimeout(400); } },
  'account-new': { path: '/console/accounts/new' },
  agents: { path: '/console/agents' },
  'agents-edit': { path: '/console/agents', act: async (p) => { await p.locator('tbody a').nth(1).click(); const f = p.locator('aside input[inputmode=numeric]'); await f.fill('120'); await f.blur(); await p.waitForTimeout(250); } },
  departments: { path: '/console/departments' },
  department: { path: '/console/departments', act: async (p) => { await p.locator('tbody a').first().click(); await p.waitForTimeout(250); } },
  'end-reasons': { path: '/console/end-reasons' },
  'canned-replies': { path: '/console/canned-replies' },
  'api-keys': { path: '/console/api-keys' },
  'no-permission': { path: '/console/agents', as: 'burak@maviev.com' },
  me: { path: '/me' },
};

let mock;
if (MOCK) {
  mock = spawn(process.execPath, [join(here, 'mock.mjs'), '--port', PORT, '--now', NOW], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    mock.stdout.once('data', resolve);
    mock.once('exit', (code) => reject(new Error(`mock ended with ${code}`)));
  });
}
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
await mkdir(OUT, { recursive: true });
const findings = [];

async function cell(name, spec, theme, width, lang) {
  if (spec.phone && width >= 1024) return;
  if (lang === 'rtl' && (theme !== 'light' || (width !== 390 && width !== 1440))) return;
  if (MOCK) await control(`reset=1${spec.mock ? `&${spec.mock}` : ''}`);
  const context = await browser.newContext({
    viewport: { width, height: heights[width] ?? 900 }, colorScheme: theme, locale: lang === 'tr' ? 'tr-TR' : 'en-GB', timezoneId: 'Europe/Istanbul', reducedMotion: 'reduce', baseURL: BASE, bypassCSP: false,
  });
  const page = await context.newPage();
  const key = `${name}-${theme}-${width}-${lang}`;
  const note = (text) => findings.push(`${key}: ${text}`);
  page.on('console', (m) => { if (m.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(m.text())) note(`console: ${m.text()}`); });
  page.on('pageerror', (e) => note(`error: ${e.message}`));
  if (MOCK) await page.clock.setFixedTime(new Date(NOW));
  await page.addInitScript(([l, t]) => {
    localStorage.setItem('gatehouse.language', l);
    localStorage.setItem('gatehouse.theme', t);
    document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
  }, [lang === 'tr' ? 'tr' : 'en', theme]);
  if (!spec.out) {
    const answer = await context.request.post('/api/v1/session', { data: { email: spec.as ?? arg('email', 'deniz@maviev.com'), password: arg('password', 'mavi-ev-2026') } });
    if (!answer.ok()) throw new Error(`sign-in: ${answer.status()}`);
  }
  try {
    await page.goto(spec.path);
    if (lang === 'rtl') await page.evaluate(() => (document.documentElement.dir = 'rtl'));
    await page.waitForTimeout(spec.wait ?? 700);
    if (spec.act) await spec.act(page);
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: join(OUT, `${key}.png`) });
    await page.evaluate(AXE);
    const result = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'], rules: { region: { enabled: false } } }));
    for (const v of result.violations) note(`axe ${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? n.all[0]?.message ?? ''}`).join(' | ')}${v.nodes.length > 3 ? ` +${v.nodes.length - 3}` : ''}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) note(`the page is ${wide}px wider than the window`);
  } catch (e) {
    note(`failed: ${String(e.message).split('\n')[0]}`);
    await page.screenshot({ path: join(OUT, `${key}.png`) }).catch((x) => note(String(x)));
  } finally {
    await context.close();
  }
}

for (const [name, spec] of Object.entries(pages)) {
  if (only.length && !only.includes(name)) continue;
  for (const theme of themes) for (const width of widths) for (const lang of langs) await cell(name, spec, theme, width, lang);
}
await browser.close();
mock?.kill();
await writeFile(join(OUT, 'findings.txt'), findings.join('\n') + '\n');
console.log(findings.length ? findings.join('\n') : 'nothing found');
process.exitCode = findings.length ? 1 : 0;
