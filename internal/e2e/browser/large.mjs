// A large desk costs what is seen of it (UI.md §10.6): what of that does not depend on a clock. speed.mjs measures the rest.
// A thousand conversations, a thread of more than a thousand messages: `gatehouse bench desk` has written them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { DESK, becomes, done, enter, note, step, tab, until } from './stage.mjs';

const desk = JSON.parse(readFileSync(process.env.SEEDED, 'utf8'));
const ROWS = 60; // in the page at once, at most
const MESSAGES = 200;
const ELEMENTS = 4000; // of the whole page
let page;

const list = () => page.locator('section.list .rows');
const rows = () => page.locator('section.list [role=option]');
const log = () => page.getByRole('log');
const small = async (where) => {
  const counted = await page.evaluate(() => ({ rows: document.querySelectorAll('section.list [role=option]').length, messages: document.querySelectorAll('article').length, elements: document.querySelectorAll('*').length }));
  assert.ok(counted.rows <= ROWS && counted.messages <= MESSAGES && counted.elements <= ELEMENTS, `${where}: ${JSON.stringify(counted)}`);
  return counted;
};

await step('the inbox is there, and the emoji come when they are asked for', async () => {
  const context = await enter();
  await context.addCookies([{ name: 'gatehouse', value: desk.session, url: DESK }]);
  page = await tab(context, 'the full desk');
  await page.addInitScript(() => {
    const ask = globalThis.fetch;
    globalThis.asked = [];
    globalThis.fetch = (...args) => (globalThis.asked.push(String(args[0])), ask(...args));
  });
  await page.goto('/inbox/all');
  await rows().first().waitFor();
  await rows().nth(1).click();
  await page.locator('#composer textarea').waitFor();
  const emoji = () => page.evaluate(() => performance.getEntriesByType('resource').some((r) => /EmojiPicker/.test(r.name)));
  assert.equal(await emoji(), false);
  await page.getByRole('button', { name: 'Emoji' }).click();
  await until('now they come', emoji);
  await page.keyboard.press('Escape');
});

await step('a list of a thousand has the rows that are seen', async () => {
  await becomes('all thousand are listed', async () => {
    await list().evaluate((el) => el.scrollTo(0, el.scrollHeight));
    return (await list().evaluate((el) => el.querySelector('[role=listbox]').offsetHeight)) / 80;
  }, 1000);
  for (const part of [1, 0.5, 0]) {
    await list().evaluate((el, part) => el.scrollTo(0, el.scrollHeight * part), part);
    await until('its rows are drawn', () => list().evaluate((el) => {
      const box = el.getBoundingClientRect();
      return !!document.elementFromPoint(box.x + 60, box.y + box.height / 2)?.closest('[role=option]');
    }));
    await small(`the list at ${part}`);
  }
});

await step('a long thread has the messages around those that are seen', async () => {
  await page.goto(`/inbox/mine/${desk.long}`);
  await page.locator('article').last().waitFor();
  const newest = await page.locator('article').last().getAttribute('data-message');
  const oldest = () => log().evaluate((el) => el.querySelector('[data-message]').dataset.message);
  const pages = desk.thread / 50;
  let asked = 0;
  await until('its first message is there', async () => {
    await log().evaluate((el) => el.scrollTo(0, 0));
    await small('on the way up');
    asked = await page.evaluate(() => globalThis.asked.filter((a) => /messages\?before=/.test(a)).length);
    return asked >= pages - 1 && (await log().locator('.day').first().isVisible()) && (await log().evaluate((el) => el.scrollTop)) === 0;
  });
  const first = await oldest();
  const top = await small('at its first message');
  await log().evaluate((el) => el.scrollTo(0, el.scrollHeight));
  await small('on the way down');
  await page.getByRole('button', { name: /^To the latest message/ }).click();
  await until('its last message is back', async () => (await page.locator('article').last().getAttribute('data-message')) === newest);
  assert.notEqual(await oldest(), first);
  note(`at the top: ${JSON.stringify(top)}`);
});

await step('what is known is shown before anything is asked', async () => {
  const other = await page.locator('section.list [role=option][aria-selected=false]').first().getAttribute('data-id');
  const press = (id) => page.locator(`[data-id="${id}"]`).click();
  await press(other);
  await page.locator(`section.thread[data-thread="${other}"] article`).first().waitFor();
  await list().evaluate((el) => el.scrollTo(0, 0));
  await page.locator(`[data-id="${desk.long}"]`).waitFor();
  await page.evaluate((id) => {
    globalThis.shown = new Promise((resolve) => addEventListener('click', () => {
      const before = (globalThis.pressed = globalThis.asked.length);
      const look = () => (document.querySelector(`section.thread[data-thread="${id}"] article`) ? resolve(globalThis.asked.slice(before)) : requestAnimationFrame(look));
      requestAnimationFrame(look);
    }, { capture: true, once: true }));
  }, desk.long);
  await press(desk.long);
  assert.deepEqual(await page.evaluate(() => globalThis.shown), []);
  await becomes('then what is new is asked for, before anything else', () => page.evaluate(() => globalThis.asked[globalThis.pressed]), `/api/v1/conversations/${desk.long}`);
});

await step('the next conversation is there before it is asked for, and one that is not is asked for at once', async () => {
  await page.goto('/inbox/all');
  const ids = () => rows().evaluateAll((all) => all.map((r) => r.dataset.id));
  await until('the rows are there', async () => (await ids()).length > 8);
  const all = await ids();
  const questions = (id) => page.evaluate((id) => globalThis.asked.filter((a) => a.includes(id)).map((a) => a.split(id)[1]), id);
  await page.locator(`[data-id="${all[4]}"]`).click();
  await page.locator(`section.thread[data-thread="${all[4]}"] article`).first().waitFor();
  assert.deepEqual((await questions(all[4])).slice(0, 2), ['', '/messages?limit=50']);
  await becomes('the one below is loaded', () => questions(all[5]), ['', '/messages?limit=50']);
  await becomes('and the one above', () => questions(all[3]), ['', '/messages?limit=50']);
  for (const far of [0, 1, 2, 6, 7]) assert.deepEqual(await questions(all[far]), [], `row ${far + 1} is not`);
  await page.locator('section.list [role=listbox]').focus();
  await page.keyboard.press('j');
  await page.locator(`section.thread[data-thread="${all[5]}"] article`).first().waitFor();
  assert.equal((await questions(all[5])).filter((q) => q.startsWith('/messages')).length, 1, 'its messages are not asked for again');
});

await step('the composer is the same one from conversation to conversation, and its field another', async () => {
  const look = () => page.evaluate(() => [document.querySelector('#composer [role=toolbar]'), document.querySelector('#composer textarea')].map((el) => (el.known ??= Math.random())));
  const [tools, field] = await look();
  const open = await page.locator('section.thread').getAttribute('data-thread');
  await page.keyboard.press('k');
  await until('the one above is open', async () => (await page.locator('section.thread').getAttribute('data-thread')) !== open && (await page.locator('section.thread article').count()) > 0);
  const now = await look();
  assert.equal(now[0], tools);
  assert.notEqual(now[1], field);
});

await step('a button says what it is, to a pointer and to the keyboard, and why it cannot be pressed', async () => {
  const tip = page.getByRole('tooltip');
  const attach = page.locator('#composer').getByRole('button', { name: 'Attach' });
  await attach.hover();
  await tip.getByText('Attach').waitFor();
  await becomes('it describes its button', () => attach.getAttribute('aria-describedby'), 'tip');
  await page.mouse.move(900, 4);
  await tip.waitFor({ state: 'detached' });
  await page.locator('#composer textarea').focus();
  await page.keyboard.press('Tab');
  await tip.getByText('Attach').waitFor();
  await page.keyboard.press('Escape');
  await tip.waitFor({ state: 'detached' });
  await page.locator('#composer').getByRole('button', { name: 'Send' }).click({ force: true });
  await tip.waitFor();
});

await done();
