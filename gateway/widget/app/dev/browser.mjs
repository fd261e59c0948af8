// A visitor and an agent play the chat through in a real browser, on the real door (browser_test.go starts all of it and
// names it in the environment). Every state is a picture in shots/ and is checked by axe.
import { readFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const { SHOP, EVIL, CONTROL, DESK } = process.env;
const shots = process.env.SHOTS ?? 'shots';
mkdirSync(shots, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const only = process.env.ONLY;

async function agent(verb, body = {}) {
  const answer = await fetch(`${CONTROL}/${verb}`, { method: 'POST', body: JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${verb}: ${text}`);
  return text && JSON.parse(text);
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const wide = { viewport: { width: 1440, height: 900 } };
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

/** A browser of its own with a page of the shop; every policy violation and script error is remembered. */
async function visit(options = wide, path = '/', origin = SHOP) {
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', timezoneId: 'Europe/Istanbul', ...options });
  const page = await context.newPage();
  page.problems = watch(page);
  await page.goto(origin + path);
  return page;
}

function watch(page) {
  const problems = [];
  page.on('pageerror', (e) => problems.push(`error: ${e.message}`));
  page.on('dialog', (d) => (problems.push('a dialog opened'), d.dismiss()));
  page.on('console', (m) => /content security|refused to/i.test(m.text()) && problems.push(m.text()));
  return problems;
}

const launcher = (page) => page.locator('gatehouse-chat .launch');
const chat = (page) => page.frameLocator('gatehouse-chat iframe');
const box = (page) => chat(page).locator('textarea');
const frameOf = (page) => page.frames().find((f) => f.url().endsWith('/frame'));

async function openChat(page) {
  await launcher(page).click();
  await box(page).waitFor();
}
async function write(page, text) {
  await box(page).fill(text);
  await box(page).press('Enter');
}
const saw = (page, text) => chat(page).getByText(text, { exact: false }).last().waitFor({ timeout: 5000 });
async function until(what, test, timeout = 5000) {
  const end = Date.now() + timeout;
  for (;;) {
    if (await test()) return;
    assert.ok(Date.now() < end, `not in time: ${what}`);
    await new Promise((r) => setTimeout(r, 25));
  }
}

async function shoot(page, name) {
  await page.screenshot({ path: `${shots}/${name}.png` });
  for (const part of [page.mainFrame(), frameOf(page)]) {
    if (!part) continue;
    await part.evaluate(axe);
    const result = await part.evaluate((top) => window.axe.run(top ? { include: ['gatehouse-chat'] } : document, {
      iframes: false, runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'],
      rules: { 'landmark-one-main': { enabled: !top }, region: { enabled: false } },
    }), part === page.mainFrame());
    const found = result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120) + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`);
    assert.deepEqual(found, [], `axe on ${name}`);
    const unsure = result.incomplete.filter((v) => v.id === 'color-contrast').flatMap((v) => v.nodes.map((n) => `${n.html.slice(0, 90)} ${n.any[0]?.message}`));
    if (unsure.length) console.log(`  axe is unsure on ${name}: ${unsure.join(' | ')}`);
  }
}

const cases = {
  async 'closed, opened, closed again by keys'() {
    const page = await visit();
    await launcher(page).waitFor();
    assert.equal(await page.locator('gatehouse-chat iframe').count(), 0, 'no frame before it is asked for');
    assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), [], 'nothing is kept before it is asked for');
    assert.equal(await launcher(page).getAttribute('aria-label'), 'Open chat');
    await shoot(page, 'closed');
    await page.evaluate(() => (window.heard = [], window.Gatehouse('on', 'open', () => window.heard.push('open')), window.Gatehouse('on', 'close', () => window.heard.push('close'))));
    await openChat(page);
    await until('the box has the focus', () => frameOf(page).evaluate(() => document.activeElement?.tagName === 'TEXTAREA'));
    assert.equal(await launcher(page).getAttribute('aria-expanded'), 'true');
    assert.equal(await page.locator('gatehouse-chat iframe').getAttribute('title'), 'Chat with Mavi Ev');
    await saw(page, 'Hello. How can we help you?');
    await shoot(page, 'start');
    await box(page).press('Escape');
    await until('the launcher has the focus', () => page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.className === 'launch'));
    assert.deepEqual(await page.evaluate(() => window.heard), ['open', 'close']);
    await page.locator('[data-gatehouse-open]').click();
    await box(page).waitFor();
    assert.equal((await agent('events')).events, null, 'looking is not writing');
    return page;
  },

  async 'a chat from the first word to the last'() {
    const page = await visit();
    await openChat(page);
    await write(page, 'Is the Aegean series dishwasher safe?');
    await chat(page).locator('.out .ticks').waitFor();
    await saw(page, 'You are in line');
    assert.equal(await box(page).inputValue(), '');
    await shoot(page, 'queued');
    await agent('assign', { agent: 'Deniz Aksoy' });
    await saw(page, 'joined the chat');
    await chat(page).getByRole('heading', { name: 'Deniz Aksoy' }).waitFor();
    await saw(page, 'Mavi Ev · online');
    await agent('note', { text: 'A note for colleagues' });
    await agent('reply', { text: 'Hello, yes it is. Only the gilded ones we would wash by hand.' });
    await agent('reply', { text: 'Tell me which one you have in mind and I will look right away: https://shop.example/kase' });
    await saw(page, 'Tell me which one');
    await until('it is said aloud', async () => (await chat(page).locator('.sr[role=status]').textContent()).includes('Deniz Aksoy: Tell me'));
    await write(page, 'The navy one, 15 cm');
    await chat(page).locator('.out .ticks').nth(1).waitFor();
    await agent('read');
    await chat(page).locator('.out.read .ticks').nth(1).waitFor();
    await agent('quote', { text: 'That one is safe too' });
    await chat(page).locator('.qt').waitFor();
    await agent('typing', { agent: 'Deniz Aksoy', on: true });
    await saw(page, 'Deniz Aksoy is typing…');
    assert.equal(await chat(page).getByText('A note for colleagues').count(), 0, 'notes stay inside');
    await shoot(page, 'joined');
    assert.equal(await chat(page).locator('.bb a').getAttribute('href'), 'https://shop.example/kase');
    await until('what was shown is read', async () => (await agent('events')).events.some((e) => e.type === 'read'));

    await box(page).fill('half a thou');
    await page.reload();
    await saw(page, 'That one is safe too');
    assert.equal(await box(page).inputValue(), 'half a thou', 'the draft is kept');
    assert.equal(await chat(page).locator('.m').count(), 6);
    await box(page).fill('');

    await agent('assign', { agent: 'Ada Kaya' });
    await saw(page, 'now answers you');
    await chat(page).getByRole('heading', { name: 'Ada Kaya' }).waitFor();
    await shoot(page, 'agent-changed');
    await agent('finish');
    await saw(page, 'ended the chat');
    await shoot(page, 'ended');
    await chat(page).getByRole('button', { name: 'Start a new chat' }).click();
    await write(page, 'One more thing');
    await saw(page, 'You are in line');
    return page;
  },

  async 'pictures and files, both ways'() {
    const page = await visit();
    await openChat(page);
    const [picker] = await Promise.all([page.waitForEvent('filechooser'), chat(page).getByRole('button', { name: 'Attach a file' }).click()]);
    await picker.setFiles({ name: 'kase.png', mimeType: 'image/png', buffer: picture('#2F5F73') });
    await until('the visitor sees the picture', () => frameOf(page).evaluate(() => document.querySelector('.out img')?.naturalWidth === 320));
    await agent('assign', { agent: 'Deniz Aksoy' });
    await agent('picture', { text: picture('#B5694A').toString('base64') });
    await until('and the agent’s', () => frameOf(page).evaluate(() => document.querySelector('.in img')?.naturalWidth === 320));
    const [second] = await Promise.all([page.waitForEvent('filechooser'), chat(page).getByRole('button', { name: 'Attach a file' }).click()]);
    await second.setFiles({ name: 'anim.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>') });
    await saw(page, 'This kind of file cannot be sent.');
    await shoot(page, 'files');
    const [saved] = await Promise.all([page.waitForEvent('download'), chat(page).locator('.in .ph').click()]);
    assert.equal(saved.suggestedFilename(), 'kase.png');
    await chat(page).getByRole('button', { name: 'Delete' }).click();
    assert.equal(await chat(page).getByText('cannot be sent').count(), 0);
    await page.reload();
    await until('pictures survive', () => frameOf(page)?.evaluate(() => [...document.querySelectorAll('img')].filter((i) => i.naturalWidth === 320).length === 2));
    return page;
  },

  async 'nothing is lost: commits that fail, workers that sleep, nodes that die'() {
    const page = await visit();
    await openChat(page);
    await write(page, 'first');
    await saw(page, 'You are in line');

    await agent('door', { on: false });
    await write(page, 'not stored yet');
    await chat(page).locator('.out .clock').waitFor();
    await page.reload();
    await chat(page).locator('.out .clock').waitFor();
    await agent('door', { on: true });
    await chat(page).locator('.out .ticks').nth(1).waitFor({ timeout: 15000 });

    await agent('workers', { on: false });
    await write(page, 'stored, not applied');
    await chat(page).locator('.out .tick').waitFor();
    await page.reload();
    await saw(page, 'stored, not applied');
    await agent('workers', { on: true });
    await chat(page).locator('.out .ticks').nth(2).waitFor({ timeout: 15000 });

    await page.context().setOffline(true);
    await agent('cut');
    await saw(page, 'Reconnecting. Your messages are kept.');
    await write(page, 'written without a network');
    await shoot(page, 'reconnecting');
    await agent('assign', { agent: 'Deniz Aksoy' });
    await agent('reply', { text: 'answered meanwhile' });
    await page.context().setOffline(false);
    await saw(page, 'answered meanwhile');
    await chat(page).locator('.out .ticks').nth(3).waitFor({ timeout: 15000 });
    await until('the banner is gone', () => chat(page).locator('.banner').isHidden());
    for (const text of ['first', 'not stored yet', 'stored, not applied', 'written without a network']) {
      assert.equal(await chat(page).locator('.bb', { hasText: text }).count(), 1, text);
    }
    const order = await chat(page).locator('.out .bb').allTextContents();
    assert.deepEqual(order.map((t) => t.replace(/\d\d:\d\d$/, '')), ['first', 'not stored yet', 'stored, not applied', 'written without a network']);
    return page;
  },

  async 'tabs agree'() {
    const one = await visit();
    const two = await one.context().newPage();
    two.problems = watch(two);
    await two.goto(SHOP);
    await openChat(one);
    await openChat(two);
    await write(one, 'from the first tab');
    await chat(one).locator('.out .ticks').waitFor();
    await saw(two, 'from the first tab');
    await agent('assign', { agent: 'Deniz Aksoy' });
    await agent('reply', { text: 'to both' });
    for (const tab of [one, two]) await saw(tab, 'to both');
    await write(two, 'from the second tab');
    await saw(one, 'from the second tab');
    assert.equal(await chat(one).locator('.out').count(), 2);
    assert.deepEqual(two.problems, []);
    return one;
  },

  async 'an answer while the chat is closed'() {
    const page = await visit();
    await openChat(page);
    await write(page, 'ping me');
    await chat(page).locator('.out .ticks').waitFor();
    await agent('assign', { agent: 'Deniz Aksoy' });
    await chat(page).getByRole('button', { name: 'Close chat' }).click();
    await page.reload();
    await until('the frame waits unseen', () => page.locator('gatehouse-chat iframe').count());
    await until('the tab listens', () => frameOf(page)?.evaluate(() => document.querySelectorAll('.out .ticks').length));
    await agent('reply', { text: 'here I am' });
    await agent('reply', { text: 'and again' });
    await page.getByText('New message from Deniz Aksoy').waitFor();
    await until('the button says so', async () => (await launcher(page).getAttribute('aria-label')) === 'Open chat, 2 new messages');
    assert.ok(!(await page.content()).includes('here I am') && !(await page.evaluate(() => document.querySelector('gatehouse-chat').shadowRoot.textContent.includes('here I am'))), 'the page does not learn the text');
    await shoot(page, 'unread');
    await page.getByText('New message from Deniz Aksoy').click();
    await saw(page, 'and again');
    await until('the count is gone', async () => (await page.locator('gatehouse-chat .badge').isHidden()));
    return page;
  },

  async 'markup is text'() {
    const page = await visit();
    await openChat(page);
    await write(page, '<img src=x onerror=alert(1)> <b>bold</b>');
    await chat(page).locator('.out .ticks').waitFor();
    await agent('assign', { agent: '<svg onload=alert(1)>' });
    await agent('reply', { text: '<script>alert(1)</script> javascript:alert(1) data:text/html,x https://ok.example/a).' });
    await saw(page, '<script>alert(1)</script>');
    assert.deepEqual(await chat(page).locator('.bb a').evaluateAll((all) => all.map((a) => a.href)), ['https://ok.example/a']);
    assert.equal(await chat(page).locator('.bb b, .bb img, .bb script').count(), 0);
    await write(page, 'x'.repeat(3999) + 'ğüş');
    await saw(page, '2 characters too many');
    return page;
  },

  async 'a long thread: the end stays in sight, the past comes by the page'() {
    const page = await visit();
    await openChat(page);
    await write(page, 'start');
    await chat(page).locator('.out .ticks').waitFor();
    await agent('assign', { agent: 'Deniz Aksoy' });
    for (let i = 0; i < 120; i++) await agent('reply', { text: `line ${i} of many, long enough to take its place on the page` });
    await saw(page, 'line 119 of many');
    const log = chat(page).locator('.log');
    const fromEnd = () => log.evaluate((l) => l.scrollHeight - l.scrollTop - l.clientHeight);
    await until('at the end', async () => (await fromEnd()) < 2);
    await page.reload();
    await saw(page, 'line 119 of many');
    await until('at the end', async () => (await fromEnd()) < 2);
    await log.evaluate((l) => (l.scrollTop = 300));
    const top = () => chat(page).locator('.m', { hasText: 'line 80 of' }).evaluate((m) => m.getBoundingClientRect().top);
    const before = await top();
    await agent('reply', { text: 'new below' });
    await saw(page, 'new below');
    assert.equal(await top(), before, 'nothing moves under the reader');
    assert.ok(await chat(page).getByRole('button', { name: 'New messages' }).isVisible());
    await shoot(page, 'scrolled');
    await log.evaluate((l) => (l.scrollTop = 60));
    await until('older ones', async () => (await chat(page).locator('.m').count()) > 60);
    await chat(page).getByRole('button', { name: 'New messages' }).click();
    await until('at the end again', async () => (await fromEnd()) < 2);
    return page;
  },

  async 'phones: the whole screen, and back'() {
    const page = await visit(phone);
    await launcher(page).waitFor();
    await shoot(page, 'phone-closed');
    await launcher(page).tap();
    await box(page).waitFor();
    const panel = await page.locator('gatehouse-chat .panel').boundingBox();
    assert.deepEqual([panel.x, panel.y, panel.width, panel.height], [0, 0, 390, 844]);
    assert.equal(await page.evaluate(() => document.documentElement.style.overflow), 'hidden');
    assert.equal(await page.locator('main').getAttribute('inert'), '');
    assert.equal(await page.locator('gatehouse-chat .panel').getAttribute('aria-modal'), 'true');
    await box(page).fill('from my phone');
    await chat(page).getByRole('button', { name: 'Send' }).tap();
    await saw(page, 'from my phone');
    await chat(page).locator('.out .ticks').waitFor();
    await until('the box keeps the focus', () => frameOf(page).evaluate(() => document.activeElement?.tagName === 'TEXTAREA'));
    await agent('assign', { agent: 'Deniz Aksoy' });
    await agent('reply', { text: 'Hello from the desk' });
    await saw(page, 'Hello from the desk');
    await shoot(page, 'phone');
    for (const e of await chat(page).locator('button:visible').all()) {
      const b = await e.boundingBox();
      assert.ok(b.width >= 44 && b.height >= 44, `target ${b.width}×${b.height}`);
    }
    await chat(page).getByRole('button', { name: 'Close chat' }).tap();
    await until('the page scrolls again', () => page.evaluate(() => !document.documentElement.style.overflow));
    assert.equal(await page.locator('main').getAttribute('inert'), null);
    return page;
  },

  async 'Turkish, dark, another colour'() {
    await agent('settings', { settings: { color: '#F2C230', subtitle: 'Genellikle 3 dakikada yanıtlarız', teaser: 'Yardıma ihtiyacınız var mı?' } });
    const page = await visit({ ...wide, locale: 'tr-TR', colorScheme: 'dark' }, '/?lang=tr');
    await page.getByText('Yardıma ihtiyacınız var mı?').waitFor();
    await shoot(page, 'teaser-tr-dark');
    await page.getByRole('button', { name: 'Kapat', exact: true }).click();
    await page.reload();
    await launcher(page).waitFor();
    assert.equal(await page.getByText('Yardıma ihtiyacınız var mı?').count(), 0, 'once per visit');
    await openChat(page);
    await write(page, 'Ege serisi kaseler bulaşık makinesine uygun mu?');
    await chat(page).locator('.out .ticks').waitFor();
    await agent('assign', { agent: 'Deniz' });
    await agent('reply', { text: 'Merhaba, evet uygun. Yalnız yaldızlı modelleri elde yıkamanızı öneririz.' });
    await saw(page, 'Deniz sohbete katıldı');
    await agent('read');
    await agent('typing', { agent: 'Deniz', on: true });
    await saw(page, 'Deniz yazıyor…');
    await shoot(page, 'joined-tr-dark');
    await page.evaluate(() => window.Gatehouse('setLocale', 'en'));
    await saw(page, 'Deniz is typing…');
    await agent('settings', { settings: { color: '#1F4E5F', subtitle: '', teaser: '' } });
    return page;
  },

  async 'dark, as in the prototype'() {
    await agent('settings', { settings: { subtitle: 'We usually answer within 3 minutes', theme: 'dark' } });
    const page = await visit();
    await openChat(page);
    await saw(page, 'We usually answer within 3 minutes');
    await write(page, 'My order arrived with a missing lid, MV-20418');
    await chat(page).locator('.out .ticks').waitFor();
    await saw(page, 'You are in line');
    await shoot(page, 'queued-dark');
    await agent('assign', { agent: 'Deniz Aksoy' });
    await agent('reply', { text: 'The new lid ships tomorrow, free of charge. Anything else?' });
    await agent('finish');
    await saw(page, 'ended the chat');
    await until('the way on has the focus', () => frameOf(page).evaluate(() => document.activeElement?.textContent === 'Start a new chat'));
    await shoot(page, 'ended-dark');
    await page.context().setOffline(true);
    await agent('cut');
    await saw(page, 'Reconnecting.');
    await shoot(page, 'reconnecting-dark');
    await agent('settings', { settings: { subtitle: '', theme: 'auto' } });
    return page;
  },

  async 'the smallest phone, the longest words'() {
    const page = await visit({ ...phone, viewport: { width: 320, height: 568 }, locale: 'tr-TR' }, '/?lang=tr');
    await launcher(page).tap();
    await box(page).waitFor();
    await box(page).fill('Muvaffakiyetsizleştiricileştiriveremeyebileceklerimizdenmişsinizcesine'.repeat(3));
    await chat(page).getByRole('button', { name: 'Gönder' }).tap();
    await chat(page).locator('.out .ticks').waitFor();
    await agent('assign', { agent: 'Deniz Alexandra Montgomery-Featherstonehaugh' });
    await agent('reply', { text: 'uzun '.repeat(800) });
    await agent('reply', { text: 'x'.repeat(400) });
    await saw(page, 'xxxxxxxx');
    assert.ok(await frameOf(page).evaluate(() => document.documentElement.scrollWidth <= innerWidth && document.querySelector('.log').scrollWidth <= innerWidth), 'nothing scrolls sideways');
    await box(page).fill('satır\n'.repeat(12));
    await shoot(page, 'phone-320');
    return page;
  },

  async 'an account that is switched off'() {
    const page = await visit();
    await openChat(page);
    await write(page, 'hello');
    await chat(page).locator('.out .ticks').waitFor();
    await agent('disable', { on: false });
    await saw(page, 'This chat is not available now.');
    assert.ok(await box(page).isHidden(), 'no box that would fail');
    await shoot(page, 'switched-off');
    await agent('disable', { on: true });
    return page;
  },

  async 'light Turkish as in the prototype'() {
    const page = await visit({ ...wide, locale: 'tr-TR' }, '/?lang=tr');
    await openChat(page);
    await write(page, 'Ege serisi kaseler bulaşık makinesine uygun mu?');
    await chat(page).locator('.out .ticks').waitFor();
    await agent('read');
    await agent('assign', { agent: 'Deniz' });
    await agent('reply', { text: 'Merhaba, evet uygun. Yalnız yaldızlı modelleri elde yıkamanızı öneririz.' });
    await agent('reply', { text: 'Aklınızdaki modeli söylerseniz hemen bakayım' });
    await write(page, 'Lacivert, 15 cm olan');
    await chat(page).locator('.out .ticks').nth(1).waitFor();
    await agent('typing', { agent: 'Deniz', on: true });
    await saw(page, 'Deniz yazıyor…');
    await shoot(page, 'prototype-07');
    return page;
  },

  async 'a site that is not on the list shows nothing and says why'() {
    const context = await browser.newContext();
    const page = await context.newPage();
    const said = [];
    page.on('console', (m) => said.push(m.text()));
    await page.goto(EVIL);
    await until('a word to the developer', () => said.some((t) => t.includes('Gatehouse: the chat is not shown.') && t.includes(EVIL)));
    assert.equal(await page.locator('gatehouse-chat').count(), 0);
    const account = await page.locator('script[data-account]').getAttribute('data-account');
    await page.evaluate((src) => {
      const f = document.createElement('iframe');
      f.src = src;
      document.body.append(f);
    }, `${DESK}/widget/v1/${account}/frame`);
    await until('framing is refused', () => said.some((t) => /frame-ancestors/.test(t)));
    assert.equal(page.frames().filter((f) => f.url().startsWith(DESK)).length, 0);
    page.problems = [];
    return page;
  },

  async 'only the page around it is listened to'() {
    const page = await visit();
    await openChat(page);
    await frameOf(page).evaluate(() => {
      const c = new MessageChannel();
      window.got = [];
      c.port1.onmessage = (e) => window.got.push(e.data);
      window.postMessage({ gatehouse: 1, page: { url: 'x', title: 'x' }, locale: 'tr', open: true, name: 'x' }, '*', [c.port2]);
    });
    await page.evaluate(() => {
      const c = new MessageChannel();
      window.got = [];
      c.port1.onmessage = (e) => window.got.push(e.data);
      document.querySelector('gatehouse-chat').shadowRoot.querySelector('iframe').contentWindow.postMessage({ gatehouse: 2 }, '*', [c.port2]);
    });
    await write(page, 'hello');
    await chat(page).locator('.out .ticks').waitFor();
    assert.deepEqual(await frameOf(page).evaluate(() => window.got), []);
    assert.deepEqual(await page.evaluate(() => window.got), []);
    const leaks = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
    assert.ok(!/token/.test(leaks), 'the page holds no token');
    return page;
  },
};

/** A PNG of 320 × 200 in one colour. */
function picture(color) {
  return Buffer.from(pictures[color], 'base64');
}
const pictures = await (async () => {
  const page = await browser.newPage();
  const make = (c) => page.evaluate((fill) => {
    const e = Object.assign(document.createElement('canvas'), { width: 320, height: 200 });
    const g = e.getContext('2d');
    g.fillStyle = '#e9e2d6';
    g.fillRect(0, 0, 320, 200);
    g.fillStyle = fill;
    g.beginPath();
    g.ellipse(160, 90, 90, 60, 0, 0, Math.PI);
    g.fill();
    return e.toDataURL('image/png').split(',')[1];
  }, c);
  const all = { '#2F5F73': await make('#2F5F73'), '#B5694A': await make('#B5694A') };
  await page.close();
  return all;
})();

let failed = 0;
for (const [name, play] of Object.entries(cases)) {
  if (only && !name.includes(only)) continue;
  await agent('clock');
  const started = Date.now();
  try {
    const page = await play();
    assert.deepEqual(page.problems, [], 'problems on the page');
    await page.context().close();
    console.log(`ok   ${name} (${Date.now() - started} ms)`);
  } catch (e) {
    failed++;
    console.log(`FAIL ${name}: ${e.message.slice(0, 1500)}\n${(e.stack ?? '').split('\n').find((l) => l.includes('browser.mjs')) ?? ''}`);
    for (const c of browser.contexts()) {
      for (const p of c.pages()) await p.screenshot({ path: `${shots}/failed-${failed}.png` }).catch(() => undefined);
      await c.close();
    }
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
