// Nothing moves under the pointer (UI.md §10.5): while fifty live events arrive, the row under a resting pointer and the
// message at the middle of the thread stay where they are, and the page's layout does not shift.
import assert from 'node:assert/strict';
import { becomes, done, note, step, until } from './stage.mjs';
import { Agent } from './desk.mjs';
import { customer } from './phone.mjs';

const CROWD = 9;
let deniz, elif, others;

await step('a desk with a long thread and a full list', async () => {
  deniz = await Agent.at();
  await deniz.ask('PATCH', `/agents/${(await deniz.ask('GET', '/me')).id}`, { capacity: 100 });
  await deniz.be('Online');
  elif = await customer('Elif Yıldız', '905332041896');
  others = await Promise.all(Array.from({ length: CROWD }, (_, i) => customer(`Customer ${i + 1}`, `9055500000${10 + i}`)));
  for (let i = 1; i <= 30; i++) await elif.write(`Line ${i} of a long story, long enough to be worth reading while others write.`);
  await Promise.all(others.map((c) => c.write('Hello')));
  await becomes('all are here', async () => (await deniz.rows()).length, CROWD + 1);
  await deniz.open('Elif Yıldız');
  await deniz.page.getByRole('button', { name: /^To the latest message/ }).click();
  await deniz.message('Line 30 of').waitFor();
  await deniz.rest();
  await until('all of it is read', async () => !/unread/.test(await deniz.row('Elif Yıldız').getAttribute('aria-label')));
});

/** Where the row under the pointer and the message at the middle of the thread are. */
const look = (page, [x, y]) => page.evaluate(([x, y]) => {
  const row = document.elementFromPoint(x, y).closest('[data-id]');
  const log = document.querySelector('[role=log]').getBoundingClientRect();
  const middle = document.elementFromPoint(log.x + log.width / 2, log.y + log.height / 2);
  const message = middle.closest('[data-key]') ?? [...document.querySelectorAll('[data-key]')].find((e) => e.getBoundingClientRect().bottom > log.y + log.height / 2);
  return { row: row?.dataset.id, top: row?.getBoundingClientRect().top, message: message.dataset.key, at: message.getBoundingClientRect().top };
}, [x, y]);

await step('fifty events move nothing', async () => {
  const { page } = deniz;
  await deniz.log.evaluate((log) => log.scrollTo({ top: log.scrollHeight / 2 }));
  const fourth = await deniz.list.getByRole('option').nth(3).boundingBox();
  const pointer = [fourth.x + 120, fourth.y + 40];
  await page.mouse.move(...pointer);
  await page.evaluate(() => {
    globalThis.shifts = [];
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) if (!e.hadRecentInput) globalThis.shifts.push({ value: e.value, of: e.sources.map((s) => s.node?.className || s.node?.nodeName) });
    }).observe({ type: 'layout-shift' });
  });
  const before = await look(page, pointer);
  assert.ok(before.row && before.message);

  const more = Array.from({ length: 5 }, (_, i) => customer(`Newcomer ${i + 1}`, `9055500001${10 + i}`));
  const newcomers = await Promise.all(more);
  const moved = [];
  const watch = async () => moved.push(await look(page, pointer));
  for (let i = 0; i < 50; i++) {
    const who = i % 10 === 0 ? newcomers[i / 10] : i % 2 ? elif : others[i % CROWD];
    await who.write(`Event ${i + 1}`);
    await watch();
  }
  await becomes('all fifty have arrived', async () => (await deniz.ask('GET', '/counts')).mine, CROWD + 1 + 5);
  await becomes('the button knows of the open thread’s', () => deniz.page.getByRole('button', { name: /^To the latest message/ }).getAttribute('aria-label'), 'To the latest message, 25 new');
  await deniz.list.getByRole('button', { name: /conversations? moved up/ }).waitFor();
  await watch();
  for (const [i, at] of moved.entries()) assert.deepEqual(at, before, `after event ${i + 1}`);
  // What may shift is a count that gets another digit; to three places, as it is always told, that is nothing.
  const shifts = await page.evaluate(() => globalThis.shifts);
  const sum = shifts.reduce((s, x) => s + x.value, 0);
  assert.ok(sum < 0.0005, `the layout shifted by ${sum}: ${JSON.stringify(shifts)}`);
  note(`the row stayed at ${before.top} px, the message at ${before.at} px`);
});

await step('the pill brings them, newest first', async () => {
  await deniz.list.getByRole('button', { name: /moved up/ }).click();
  await becomes('the newest is the first', async () => (await deniz.rows())[0], elif.name);
  assert.equal((await deniz.rows()).length >= 10, true);
});

await done();
