// How fast the inbox is (UI.md §10.6): key to paint, from conversation to conversation, frames while scrolling; on a desk with
// 1,000 open conversations and a thread of 5,000 messages, with the processor four times slower than it is and as it is.
// scripts/speed.sh starts an instance, fills the desk (`gatehouse bench desk`) and plays this. What it finds depends on the
// machine and on what else that does: it fails for nothing that it measures. What does not is asserted by large.mjs.
//
// A key counts from the event's own time stamp to the first frame that shows what it asked for: its rendering is over then,
// on the page's main thread. A click counts from its release, of a hand that has come to rest and presses for 80 ms; beside it stands the
// press and release in one moment, which nobody makes, counted from the press. Frames are what the compositor's trace says. Beside it stands the work of that thread until then, in
// its own processor time at full speed: that is the same however busy the machine is, and four times it is the least that a
// quarter of the processor takes.
//
// What begins with “floor” is no page of ours: the same key and the same scroll in a page with nothing to do, which is the best
// that this machine can show.
import { loadavg, cpus } from 'node:os';
import { readFileSync, writeFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const { DESK, JSON_TO, REVISION = '' } = process.env;
const desk = JSON.parse(readFileSync(process.env.SEEDED, 'utf8'));
const TIMES = Number(process.env.TIMES ?? 30);
const RATES = [4, 1];
const TRACED = ['disabled-by-default-devtools.timeline', 'blink.user_timing', 'cc', 'benchmark'];
const QUIET_MS = 350; // between two measurements: what came late is not the next one's
const PATIENCE = 60_000;

/** As many boxes as a thread has, with words in them and nothing to do. */
const STILL = `<!doctype html><title>still</title><style>
  body { margin: 0; font: 14px/20px system-ui; } .on { background: #e8ecfc; }
  main { height: 850px; overflow-y: auto; background: #fff; } article { max-width: 420px; margin: 10px; padding: 8px; border-radius: 12px; background: #f2f0ec; }
</style><main tabindex="0"><p>A box</p>${'<article><b>Somebody</b><p>Words enough to fill a line or two of a message, as people <i>write</i> them to a <em>desk</em>.</p><small>14:36 <span>read</span></small></article>'.repeat(230)}</main>`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

const began = loadavg();
const figures = new Map(); // what → { goal, unit, byRate: { 4: [...], 1: [...] } }
function found(what, goal, rate, value, unit = 'ms') {
  if (!figures.has(what)) figures.set(what, { goal, unit, byRate: {} });
  (figures.get(what).byRate[rate] ??= []).push(value);
}
const worked = new Map(); // what → ms of the main thread's own time, at full speed
/** Reads the work between each press and its frame out of a trace, in the order of `names`. */
function work(trace, names) {
  const marks = trace.filter((e) => e.name === 'speed-from' || e.name === 'speed-to').sort((a, b) => a.ts - b.ts);
  const tasks = trace.filter((e) => e.name === 'RunTask' && e.ph === 'X' && marks[0] && e.pid === marks[0].pid && e.tid === marks[0].tid);
  for (let i = 0; i + 1 < marks.length; i += 2) {
    const [from, to] = [marks[i].ts, marks[i + 1].ts];
    const sum = tasks.filter((t) => t.ts + t.dur > from && t.ts < to).reduce((s, t) => s + (t.tdur ?? 0), 0) / 1000;
    const what = names[i / 2];
    if (!worked.has(what)) worked.set(what, []);
    worked.get(what).push(sum);
  }
}
const rank = (values, p) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(p * values.length) - 1)];

for (const rate of process.env.RATES?.split(',').map(Number) ?? RATES) await measure(rate);
await browser.close();
report();

async function measure(rate) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'Europe/Istanbul', baseURL: DESK });
  context.setDefaultTimeout(PATIENCE);
  await context.addCookies([{ name: 'gatehouse', value: desk.session, url: DESK }]);
  const page = await context.newPage();
  page.on('pageerror', (e) => { throw e; });
  await page.addInitScript(watcher);
  const cdp = await context.newCDPSession(page);
  const throttle = (to) => cdp.send('Emulation.setCPUThrottlingRate', { rate: to });
  const quiet = () => page.waitForTimeout(QUIET_MS);
  let names; // of what is traced, in its order
  const trace = async () => {
    if (rate !== 1) return;
    names = [];
    await browser.startTracing(page, { categories: TRACED });
  };
  const traced = async () => {
    if (rate === 1) work(JSON.parse((await browser.stopTracing()).toString()).traceEvents, names);
    names = undefined;
  };

  /** From the input that `act` makes to the first frame in which `shows` holds. */
  const paint = async (what, goal, act, shows, arg, counts = ['keydown', 'pointerdown']) => {
    await quiet();
    names?.push(what);
    await page.evaluate(`speed.arm(${JSON.stringify(counts)}, ${shows}, ${JSON.stringify(arg)})`); // not eval: the page's policy forbids that
    await act();
    found(what, goal, rate, await page.evaluate(() => globalThis.speed.done));
  };

  /** The same for a conversation that is opened by a click on its row. */
  const click = async (what, goal, id) => {
    const row = await page.locator(`[data-id="${id}"]`).boundingBox();
    await page.mouse.move(row.x + row.width / 2, row.y + row.height / 2);
    await paint(what, goal, async () => {
      await page.mouse.down();
      await page.waitForTimeout(80);
      await page.mouse.up();
    }, isOpen, id, ['pointerup']);
    await page.mouse.move(900, 4);
  };

  // --- what this machine can show at all ----------------------------------------------------------------------------------
  await page.goto(`data:text/html;charset=utf-8,${encodeURIComponent(STILL)}`);
  await throttle(rate);
  await trace();
  await page.evaluate(() => addEventListener('keydown', () => document.querySelector('p').classList.toggle('on')));
  for (let i = 0; i < TIMES; i++) {
    await paint('floor: a key changes the colour of one box of a still page', null, () => page.keyboard.press('j'), (on) => document.querySelector('p').classList.contains('on') === on, i % 2 === 0);
  }
  await traced();
  const still = page.locator('main');
  await still.evaluate((el) => el.scrollTo(0, el.scrollHeight / 2));
  await scroll('a still page (floor), down', still, -12_000, null);
  await scroll('a still page (floor), up', still, 12_000, null);
  await throttle(1);

  await page.goto('/inbox/all');
  await page.getByRole('option').first().waitFor();
  await page.waitForTimeout(2500); // what the page fetches while nothing else happens
  const rows = () => page.evaluate(() => [...document.querySelectorAll('section.list [data-id]')].map((r) => r.dataset.id));
  const marked = () => page.evaluate(() => document.querySelector('section.list [aria-selected=true]').dataset.id);
  const isMarked = (before) => { const r = document.querySelector('section.list [aria-selected=true]'); return !!r && r.dataset.id !== before; };
  const isOpen = (id) => !!document.querySelector(`section.thread[data-thread="${id}"] article`);
  await page.mouse.move(900, 4);

  // --- from conversation to conversation ----------------------------------------------------------------------------------
  await page.locator('section.list [data-id]').nth(1).click();
  await page.locator('section.thread article').first().waitFor();
  await page.mouse.move(900, 4);
  await page.locator('section.list [role=listbox]').focus();
  await throttle(rate);
  await trace();
  for (let i = 0; i < TIMES; i++) await paint('J: the next row is marked (its conversation is new)', 50, () => page.keyboard.press('j'), isMarked, await marked());
  for (let i = 0; i < TIMES; i++) await paint('K: the previous row is marked (its conversation is cached)', 50, () => page.keyboard.press('k'), isMarked, await marked());
  // The twenty that are kept are the last ones; from here on down everything is new again.
  const next = async (key) => {
    const all = await rows();
    return all[all.indexOf(await marked()) + (key === 'j' ? 1 : -1)];
  };
  for (let i = 0; i < TIMES; i++) await page.keyboard.press('j', { delay: 20 });
  await page.waitForTimeout(2000);
  for (let i = 0; i < TIMES; i++) await paint('switch to a new conversation', 250, () => page.keyboard.press('j'), isOpen, await next('j'));
  // Not the next one, which is loaded before anybody asks for it.
  for (let i = 0; i < TIMES; i++) {
    const all = await rows();
    const far = all[all.indexOf(await marked()) + 4];
    await page.locator(`[data-id="${far}"]`).scrollIntoViewIfNeeded();
    await click('switch to a new conversation far from the last, by a click', 250, far);
  }
  await page.locator('section.list [role=listbox]').focus();
  for (let i = 0; i < TIMES; i++) {
    const key = i % 2 ? 'j' : 'k';
    await paint('switch to a cached conversation', 100, () => page.keyboard.press(key), isOpen, await next(key));
  }
  for (let i = 0; i < TIMES; i++) {
    const all = await rows();
    const other = all[all.indexOf(await marked()) + (i % 2 ? 1 : -1)];
    await click('switch to a cached conversation, by a click', 100, other);
  }
  for (let i = 0; i < TIMES; i++) {
    const all = await rows();
    const other = all[all.indexOf(await marked()) + (i % 2 ? 1 : -1)];
    await paint('switch to a cached conversation, pressed and released at once', null, () => page.locator(`[data-id="${other}"]`).click(), isOpen, other);
    await page.mouse.move(900, 4);
  }

  await traced();

  // --- the list ---------------------------------------------------------------------------------------------------------------
  await throttle(1);
  const scroller = page.locator('section.list .rows');
  for (let last = -1, now = 0; last !== now;) {
    last = now;
    await scroller.evaluate((el) => el.scrollTo(0, el.scrollHeight));
    await page.waitForTimeout(250);
    now = await scroller.evaluate((el) => el.scrollHeight);
  }
  const listed = Math.round((await scroller.evaluate((el) => el.scrollHeight)) / 80);
  await throttle(rate);
  await scroller.evaluate((el) => el.scrollTo(0, el.scrollHeight / 2));
  await scroll('the list, down', scroller, -12_000);
  await scroll('the list, up', scroller, 12_000);

  // --- the long thread ------------------------------------------------------------------------------------------------------------
  await throttle(1);
  await page.goto(`/inbox/mine/${desk.long}`);
  await page.locator('section.thread article').first().waitFor();
  await page.waitForTimeout(2500);
  const log = page.getByRole('log');
  const earliest = () => log.evaluate((el) => el.querySelector('[data-message]').dataset.message);
  for (let last = '', same = 0; same < 20;) {
    await log.evaluate((el) => el.scrollTo(0, 0));
    await page.waitForTimeout(120);
    const now = await earliest();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  const nodes = await page.evaluate(() => document.querySelectorAll('section.thread *').length);
  const articles = await log.locator('article').count();
  await throttle(rate);
  await log.evaluate((el) => el.scrollTo(0, el.scrollHeight / 2));
  await scroll('the thread, down', log, -12_000);
  await scroll('the thread, up', log, 12_000);
  await page.getByRole('button', { name: /^To the latest message/ }).click();
  await quiet();
  const other = (await rows())[3];
  await trace();
  for (let i = 0; i < Math.max(6, TIMES / 3); i++) {
    await page.locator(`[data-id="${other}"]`).click();
    await page.locator(`section.thread[data-thread="${other}"] article`).first().waitFor();
    await click('switch to the thread of 5,000, all of it cached', 100, desk.long);
  }
  await page.mouse.move(900, 4);

  // --- typing ------------------------------------------------------------------------------------------------------------------------
  const box = page.locator('#composer textarea');
  await box.click();
  for (let i = 0; i < 2 * TIMES; i++) {
    await paint('typing, the thread of 5,000 open', 50, () => page.keyboard.press('abcdefgh '[i % 9]), (n) => document.querySelector('#composer textarea').value.length === n, i + 1);
  }
  await box.fill('');
  await page.waitForTimeout(500);

  // --- the command bar ------------------------------------------------------------------------------------------------------------------
  for (let i = 0; i < TIMES; i++) {
    await paint('Ctrl K: the command bar', 50, () => page.keyboard.press('Control+k'), () => document.activeElement?.getAttribute('role') === 'combobox' && !!document.querySelector('#cmd-list [role=option]'));
    await paint('typing in the command bar', 50, () => page.keyboard.press('p'), () => document.activeElement?.value === 'p');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  }
  await traced();
  console.error(`at 1/${rate}: ${listed} rows listed; the thread of ${desk.thread}: ${articles} messages and ${nodes} elements in the page`);
  await context.close();

  /** Frames of a scroll of `distance` px at 1,500 px/s over the middle of `over`. */
  async function scroll(what, over, distance, goal = 60) {
    const at = await over.boundingBox();
    await page.mouse.move(at.x + at.width / 2, at.y + at.height / 2);
    await page.waitForTimeout(600);
    await browser.startTracing(page, { categories: TRACED });
    await page.evaluate(() => globalThis.speed.frames());
    await cdp.send('Input.synthesizeScrollGesture', {
      x: at.x + at.width / 2, y: at.y + at.height / 2, yDistance: distance, speed: 1500, gestureSourceType: 'mouse', preventFling: true,
    });
    const gaps = await page.evaluate(() => globalThis.speed.stop());
    const states = {};
    for (const e of JSON.parse((await browser.stopTracing()).toString()).traceEvents) {
      const state = e.args?.chrome_frame_reporter?.state ?? e.args?.frame_reporter?.state;
      if (e.name === 'PipelineReporter' && e.ph === 'b' && state) states[state] = (states[state] ?? 0) + 1;
    }
    const seconds = gaps.reduce((a, b) => a + b, 0) / 1000;
    const shown = (states.STATE_PRESENTED_ALL ?? 0) + (states.STATE_PRESENTED_PARTIAL ?? 0);
    const due = shown + (states.STATE_DROPPED ?? 0);
    if (goal) for (const gap of gaps) found(`scrolling ${what}: from frame to frame`, 16.7, rate, gap);
    found(`scrolling ${what}: frames a second, of the page`, goal, rate, gaps.length / seconds, '/s');
    // The compositor scrolls by itself what has a ground of its own, whatever the page is doing.
    found(`scrolling ${what}: of all frames due, shown`, goal && 100, rate, due ? (100 * shown) / due : NaN, '%');
    found(`scrolling ${what}: frames dropped`, goal && 0, rate, due ? (100 * (states.STATE_DROPPED ?? 0)) / due : NaN, '%');
  }
}

/** Runs in the page, before its own scripts. */
function watcher() {
  const speed = (globalThis.speed = {
    /** The next event of these kinds counts, until the frame in which shows(arg) holds is painted. */
    arm(counts, holds, arg) {
      speed.done = new Promise((resolve) => {
        const start = (event) => {
          for (const kind of counts) removeEventListener(kind, start, true);
          performance.mark('speed-from');
          const look = () => {
            if (!holds(arg)) return requestAnimationFrame(look);
            const { port1, port2 } = new MessageChannel(); // its task comes after this frame's rendering
            port1.onmessage = () => {
              resolve(performance.now() - event.timeStamp);
              performance.mark('speed-to');
            };
            port2.postMessage(0);
          };
          requestAnimationFrame(look);
        };
        for (const kind of counts) addEventListener(kind, start, true);
      });
    },
    frames() {
      const gaps = (speed.gaps = []);
      let last;
      const look = (now) => {
        if (last !== undefined) gaps.push(now - last);
        last = now;
        if (speed.gaps === gaps) requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    },
    stop() {
      const gaps = speed.gaps;
      speed.gaps = undefined;
      return gaps;
    },
  });
}

function report() {
  const load = (of) => of.map((l) => l.toFixed(1)).join(' ');
  const out = {
    at: new Date().toISOString(), revision: REVISION, chromium: browser.version(), cpu: cpus()[0].model, cpus: cpus().length, load_before: load(began), load_after: load(loadavg()), figures: [],
  };
  const round = (v) => Math.round(v * 10) / 10;
  for (const [what, { goal, unit, byRate }] of figures) {
    const one = { what, goal, unit };
    for (const rate of RATES) if (byRate[rate]) one[`at_1_${rate}`] = { n: byRate[rate].length, median: round(rank(byRate[rate], 0.5)), p95: round(rank(byRate[rate], 0.95)) };
    if (worked.has(what)) one.work = { median: round(rank(worked.get(what), 0.5)), p95: round(rank(worked.get(what), 0.95)) };
    out.figures.push(one);
  }
  const cell = (f, rate, key) => (f[`at_1_${rate}`] ? String(f[`at_1_${rate}`][key]) : '');
  const head = ['what', 'goal', 'n', 'median', 'p95', 'at full speed', 'p95', 'work', '× 4'];
  const lines = out.figures.map((f) => [f.what, f.goal === null ? f.unit : `${f.goal} ${f.unit}`, cell(f, 4, 'n'), cell(f, 4, 'median'), cell(f, 4, 'p95'), cell(f, 1, 'median'), cell(f, 1, 'p95'), String(f.work?.median ?? ''), f.work ? String(round(4 * f.work.median)) : '']);
  const widths = head.map((h, i) => Math.max(h.length, ...lines.map((l) => l[i].length)));
  for (const l of [head, ...lines]) console.log(l.map((c, i) => (i ? c.padStart(widths[i]) : c.padEnd(widths[i]))).join('  '));
  console.log(`${out.revision}, Chromium ${out.chromium}, ${out.cpus} × ${out.cpu}; load ${out.load_before} before, ${out.load_after} after`);
  if (JSON_TO) writeFileSync(JSON_TO, JSON.stringify(out, null, 1) + '\n');
}
