// The stage of a story: one browser, a context for each person, and a watch over everything that may not happen on any
// page. A story is a module that calls step() once per thing that must be seen, and ends with done().
//
// What step() tells its parent is a line of JSON each: {start}, then {end} or {fail, why, pictures}; {note} is for the
// log, {secret} may not be in the desk's.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/** Given by the Go test: the desk's address and first login, a folder for pictures of what went wrong. */
export const { DESK, EMAIL, PASSWORD, PICTURES } = process.env;
export const PATIENCE = 45_000; // ms: a machine that others share
const POLL = 40;

const tell = (line) => process.stdout.write(JSON.stringify(line) + '\n');
export const note = (text) => tell({ note: text });

const secrets = [];
/** From now on neither the console of a page nor the desk's log may have this. */
export function secret(text) {
  secrets.push(text);
  tell({ secret: text });
}

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync',
  ],
});

const pages = new Map(); // page → name, for the pictures
const problems = [];
let excused = [];

/** A person's own browser: nothing shared with the others. */
export async function enter(options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'Europe/Istanbul', reducedMotion: 'reduce', baseURL: DESK, ...options,
  });
  context.setDefaultTimeout(PATIENCE);
  // A violation of the page's policy is heard where it happens, also when the browser's console keeps it to itself.
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
  });
  return context;
}

/** A tab whose faults are faults of the step: script errors, dialogs, the policy, servers other than ours, answers of 500 and more. */
export async function tab(context, name) {
  const page = await context.newPage();
  pages.set(page, name);
  const wrong = (text) => excused.some((e) => e.test(text)) || problems.push(`${name}: ${text}`);
  page.on('pageerror', (e) => wrong(`script: ${e.message}`));
  page.on('dialog', (d) => (wrong(`a dialog opened: ${d.message()}`), d.dismiss().catch((e) => wrong(e.message))));
  page.on('console', (m) => secrets.some((s) => m.text().includes(s)) && wrong(`the console has a secret: ${m.text()}`));
  page.on('console', (m) => m.type() === 'error' && !/Failed to load resource|WebSocket connection to/.test(m.text()) && wrong(`console: ${m.text()}`));
  page.on('request', (r) => /^(https?|wss?):/.test(r.url()) && new URL(r.url()).hostname !== '127.0.0.1' && wrong(`asks ${r.url()}`));
  page.on('websocket', (w) => new URL(w.url()).hostname !== '127.0.0.1' && wrong(`opens ${w.url()}`));
  page.on('response', (r) => r.status() >= 500 && wrong(`${r.status()} ${r.request().method()} ${r.url()}`));
  page.on('filechooser', () => {}); // from the start: the first might open before the story's own ear is heard of
  page.on('crash', () => wrong('the page crashed'));
  page.on('close', () => pages.delete(page));
  return page;
}

/** Within play, what one of the patterns says is no fault: a story that cuts the network expects its noise. */
export async function excusing(patterns, play) {
  const before = excused;
  excused = [...excused, ...patterns];
  try {
    return await play();
  } finally {
    excused = before;
  }
}

export async function step(name, play) {
  tell({ start: name });
  try {
    await play();
    assert.deepEqual(problems, [], 'what may not happen');
    tell({ end: name });
  } catch (error) {
    const seen = problems.length ? `\nseen meanwhile:\n  ${problems.join('\n  ')}` : '';
    tell({ fail: name, why: (error.stack ?? String(error)) + seen, pictures: await shootAll() });
    await browser.close();
    process.exit(1);
  }
}

export async function done() {
  await browser.close();
  tell({ done: true });
}

async function shootAll() {
  const taken = [];
  mkdirSync(PICTURES, { recursive: true });
  for (const [page, name] of pages) {
    const path = join(PICTURES, `${name.replace(/\W+/g, '-')}.png`);
    try {
      await page.screenshot({ path, timeout: 5000 });
      taken.push(path);
    } catch (e) {
      taken.push(`no picture of ${name}: ${e.message.split('\n')[0]}`);
    }
  }
  return taken;
}

/** Asks until the answer is truthy, and returns it. `what` is said when it never is. */
export async function until(what, ask, timeout = PATIENCE) {
  const end = Date.now() + timeout;
  for (let last; ; ) {
    last = await ask();
    if (last) return last;
    assert.ok(Date.now() < end, `not in ${timeout / 1000} s: ${what}`);
    await new Promise((r) => setTimeout(r, POLL));
  }
}

/** Waits until what `ask` gives equals `want`; says both when it never does. */
export async function becomes(what, ask, want, timeout = PATIENCE) {
  const end = Date.now() + timeout;
  for (;;) {
    const got = await ask();
    try {
      return assert.deepEqual(got, want, what);
    } catch (e) {
      if (Date.now() > end) throw e;
    }
    await new Promise((r) => setTimeout(r, POLL));
  }
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The violations that axe finds, one line each (UI.md §10.2). The devtools protocol puts it in, so the page's policy stays as it is. */
export async function violations(frame) {
  await frame.evaluate(axeSource);
  const found = await frame.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }));
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} (${n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? ''})`).join(' | ')}`);
}

/** What has the focus, in words: its role or tag, and its accessible name. */
export async function focused(page) {
  return page.evaluate(() => {
    const el = document.activeElement;
    const option = el.getAttribute('aria-activedescendant') && document.getElementById(el.getAttribute('aria-activedescendant'));
    const role = (e) => e.getAttribute('role') ?? (e.type === 'radio' ? 'radio' : e.tagName.toLowerCase());
    const name = (e) => e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent.trim() ?? e.textContent.trim();
    return `${role(el)} ${name(el)}`.trim() + (option ? ` → ${name(option)}` : '');
  });
}

export const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
