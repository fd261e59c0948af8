// Every page as people look at it (UI.md §10.1, §10.2): at a desk light and dark, on a phone, in Turkish, and those that
// matter on a tablet, a small and a wide screen, in the dark on a phone, and from right to left; on a desk that is lived in. On each: nothing that axe-core finds, no scrolling sideways, nothing in the console. With SHOTS naming a folder,
// a picture of each stays there, to be looked at beside the prototype's.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { EMAIL, PASSWORD, becomes, done, enter, step, tab, until, violations } from './stage.mjs';
import { codeOf } from './authenticator.mjs';
import { Agent, colleague } from './desk.mjs';
import { Phone, customer } from './phone.mjs';

const { SHOTS } = process.env;
const FIRST_LOAD = 150_000; // bytes, gzip (UI.md §10.6)
const LONG = 'Muhammed Abdülkerim Karahasanoğlu-Yıldırım';
const desks = {
  light: { viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', hasTouch: true, isMobile: true },
  turkish: { viewport: { width: 1280, height: 800 }, colorScheme: 'light', locale: 'tr-TR' },
};
// Here only the pages that matter, each loaded once and looked at in every size.
const further = {
  light: { sizes: { 768: [768, 1024], 1024: [1024, 768], 1920: [1920, 1080] } },
  dark: { sizes: { 390: [390, 844] }, colorScheme: 'dark' },
  rtl: { sizes: { 390: [390, 844], 1440: [1440, 900] }, locale: 'ar' },
};
let deniz, open = {};

const shoot = async (page, name) => {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), animations: 'disabled' });
};

/** What a page has loaded of script and style, in bytes, gzip. */
async function firstLoad(page) {
  const names = await page.evaluate(() => performance.getEntriesByType('resource').map((r) => r.name).filter((name) => /\.(js|css)$/.test(name)));
  assert.ok(names.length > 0);
  const sizes = await Promise.all(names.map(async (name) => gzipSync(await (await fetch(name)).arrayBuffer()).length));
  return sizes.reduce((a, b) => a + b);
}

/** A tab that can be asked whether it waits for answers, and for those too that came too soon after many others and are asked for again. */
async function watched(context, name) {
  const page = await tab(context, name);
  const waits = new Set();
  let since = Date.now();
  page.on('request', (r) => r.url().includes('/api/v1/') && (waits.delete(r.url()), waits.add(r)));
  page.on('response', (r) => r.status() === 429 && r.request().method() === 'GET' && waits.add(r.url()));
  for (const over of ['requestfinished', 'requestfailed']) page.on(over, (r) => { waits.delete(r); since = Date.now(); });
  const go = page.goto.bind(page);
  page.goto = (...args) => (waits.clear(), go(...args));
  page.rests = () => until('all answers are there', () => waits.size === 0 && Date.now() - since > 150);
  return page;
}

/** What must hold on every page that stands still. */
async function check(page, name) {
  await page.evaluate(() => document.fonts.ready);
  await until('all pictures are there', () => page.evaluate(() => [...document.images].every((i) => i.complete && i.naturalWidth > 0)));
  await shoot(page, name);
  // A page that was just given another size takes a moment to stand still.
  await becomes(`${name}: px that the page itself scrolls`, () => page.evaluate(() => {
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.scrollingElement;
    return { sideways: scrollWidth - clientWidth, down: document.querySelector('.app') ? scrollHeight - clientHeight : 0 };
  }), { sideways: 0, down: 0 });
  assert.deepEqual(await violations(page), [], name);
}

await step('a desk that is lived in', async () => {
  deniz = await Agent.at();
  await deniz.be('Online');
  const people = {};
  for (const [key, name, address] of [
    ['kinds', 'Okan Tunç', '905375550145'], ['many', 'Çiğdem Öztürk', '905375550144'], ['elif', 'Elif Yıldız', '905332041896'], ['long', LONG, '905424417035'], ['james', 'James Okafor', 'james.okafor'], ['closed', 'Selin Kaya', '905375550142'], ['evening', 'Zeynep Arslan', '905375550143'],
  ]) people[key] = await customer(name, address);
  await people.closed.write('Beyaz kahvaltı takımı ne zaman gelir?');
  await until('it is here', async () => (await deniz.ask('GET', '/counts')).mine === 1);
  const phone = await Phone.of('Elif Yıldız');
  await phone.aDayLater();
  await phone.page.close();
  // A session lasts a day too.
  await deniz.context.close();
  deniz = await Agent.at();
  await deniz.be('Online');

  await people.elif.write('Merhaba, dün gelen kutuda bir tabak kırık çıktı.');
  await deniz.open('Elif Yıldız');
  await deniz.write('Merhaba Elif Hanım, çok üzgünüz. Kırılan tabağın bir fotoğrafını gönderebilir misiniz? Yenisini hemen hazırlayalım.');
  await becomes('it arrived', () => deniz.status('çok üzgünüz'), 'Delivered');
  await people.elif.sample('plate.jpg', 'Köşesi böyle gelmiş');
  await people.elif.sample('voice.ogg');
  await people.elif.write('Fatura: https://maviev.example/f/20431 numara MV-20431');
  await deniz.message('Köşesi böyle').waitFor();
  await deniz.composer.getByRole('tab', { name: 'Note' }).click();
  await deniz.page.getByRole('textbox', { name: 'Note, only agents see this' }).fill('Kargo firmasına tutanak açıldı, değişim onaylandı.');
  await deniz.page.keyboard.press('Enter');
  await deniz.message('tutanak').waitFor();
  await deniz.composer.getByRole('tab', { name: 'Reply' }).click();
  open.elif = deniz.page.url().split('/').pop();

  await people.long.write(`Uzun bir soru: ${'nakliye, iade, fatura ve teslim tarihi hakkında birkaç şey sormak istiyorum. '.repeat(60)}`.slice(0, 4000));
  const { act } = people.kinds;
  const first = await people.kinds.write('Kargo adresim değişti');
  await act({ do: 'location' });
  await act({ do: 'contact', name: 'Ayşe Tunç', phone: '+905375550146' });
  await people.kinds.sample('fatura.pdf', 'Fatura ekte');
  await act({ do: 'unsupported', kind: 'poll_creation' });
  const gone = await people.kinds.write('Bunu silin');
  await act({ do: 'unsend', message: gone });
  await act({ do: 'edit', message: first, text: 'Kargo adresim değişti: Alsancak' });
  for (let i = 1; i <= 120; i++) await people.many.write(`Neredesiniz? ${i}`);
  await people.james.write('Is the navy bowl back in stock? 🫐');
  await people.evening.write('https://maviev.example/urunler/ege-serisi-koyu-lacivert-yemek-tabagi-6-parca-cok-uzun-bir-adres-satira-sigmaz');
  await until('all are mine, by their names', async () => {
    const mine = (await deniz.ask('GET', '/conversations?view=mine')).items;
    for (const key of Object.keys(people)) open[key] = mine.find((c) => c.contact.name === people[key].name)?.id;
    return Object.keys(people).every((key) => open[key]);
  });
  const reasons = (await deniz.ask('GET', '/end-reasons')).items;
  await deniz.ask('POST', `/conversations/${open.james}/end`, { reason_id: reasons[0].id, note: 'Stok gelince haber verildi.' });

  const departments = (await deniz.ask('GET', '/departments')).items;
  await deniz.ask('POST', '/departments', { name: 'Kurumsal Satış ve Toptan Müşteri İlişkileri', description: 'Uzun adlı bir departman', policy: 'random' });
  await deniz.ask('POST', '/agents', {
    name: LONG, email: 'muhammed.abdulkerim.karahasanoglu-yildirim@maviev.example', role: 'agent', password: 'a-long-enough-password', departments: departments.map((d) => d.id), behavior: 'normal', capacity: 5, languages: ['tr', 'en', 'de'],
  });
  await colleague('merve');
  open.entry = (await deniz.ask('GET', '/audit')).items[0].id;
});

/** The pages: where, and what is there when it is drawn. */
const pages = [
  ['inbox-mine', () => '/inbox/mine', (p) => p.getByRole('option').first()],
  ['thread', () => `/inbox/mine/${open.elif}`, (p) => p.locator('#composer textarea')],
  ['thread-long', () => `/inbox/mine/${open.long}`, (p) => p.locator('#composer textarea')],
  ['thread-kinds', () => `/inbox/mine/${open.kinds}`, (p) => p.locator('#composer textarea')],
  ['thread-99', () => `/inbox/mine/${open.many}`, (p) => p.locator('#composer textarea')],
  ['thread-closed-window', () => `/inbox/mine/${open.closed}`, (p) => p.locator('#composer .prev').first()],
  ['thread-ended', () => `/inbox/history/${open.james}`, (p) => p.locator('#composer').getByRole('button').first()],
  ['queue-empty', () => '/inbox/queue', (p) => p.locator('section.list p').first()],
  ['nothing-matches', () => '/inbox/all?q=xyzzy', (p) => p.locator('section.list p').first()],
  ['accounts', () => '/console/accounts', (p) => p.locator('table')],
  ['account-new', () => '/console/accounts/new', (p) => p.locator('form')],
  ['agents', () => '/console/agents', (p) => p.locator('table')],
  ['agent-new', () => '/console/agents/new', (p) => p.locator('aside.drawer form')],
  ['departments', () => '/console/departments', (p) => p.locator('table')],
  ['end-reasons', () => '/console/end-reasons', (p) => p.locator('main li').first()],
  ['canned-replies', () => '/console/canned-replies', (p) => p.locator('table')],
  ['api-keys-empty', () => '/console/api-keys', (p) => p.locator('main p').first()],
  ['audit', () => '/console/audit', (p) => p.locator('table')],
  ['audit-entry', () => `/console/audit/${open.entry}`, (p) => p.locator('aside.drawer dl').first()],
  ['ops', () => '/ops', (p) => p.locator('.tiles svg').last()],
  ['me', () => '/me', (p) => p.getByRole('listitem').getByText('127.0.0.1').first()],
];
const matter = ['inbox-mine', 'thread', 'thread-kinds', 'agents', 'thread-closed-window', 'agent-new', 'audit', 'ops', 'me'];

/** Signed in by the form, whatever its language. */
async function signIn(page, email = EMAIL) {
  await page.locator('input[type=email]').fill(email);
  await page.locator('input[type=password]').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/inbox/mine');
}

async function visit(page, desk) {
  for (const [name, path, drawn] of pages) {
    await page.goto(path());
    await drawn(page).waitFor();
    await page.rests();
    await check(page, `${desk}-${name}`);
  }
}

for (const [desk, options] of Object.entries(desks)) {
  await step(`the pages: ${desk}`, async () => {
    const context = await enter(options);
    const page = await watched(context, desk);
    await page.goto('/sign-in');
    await page.locator('input[type=password]').waitFor();
    await check(page, `${desk}-sign-in`);
    assert.ok((await firstLoad(page)) <= FIRST_LOAD, `the first load is ${await firstLoad(page)} bytes of script and style`);
    await signIn(page);
    await visit(page, desk);
    await page.goto(`/inbox/mine/${open.elif}`);
    await page.locator('#composer textarea').waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').getByRole('option').first().waitFor();
    await check(page, `${desk}-command-bar`);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('e');
    await page.getByRole('dialog').getByRole('radio').first().waitFor();
    await check(page, `${desk}-end`);
    await context.close();
  });
}

for (const [desk, { sizes, ...options }] of Object.entries(further)) {
  await step(`the pages that matter: ${desk}, ${Object.keys(sizes).join(', ')}`, async () => {
    const context = await enter(options);
    // There is no catalogue from right to left yet: the page is turned round, and its words stay.
    if (desk === 'rtl') await context.addInitScript(() => document.addEventListener('readystatechange', () => (document.documentElement.dir = 'rtl')));
    const page = await watched(context, desk);
    const look = async (name) => {
      for (const [size, [width, height]] of Object.entries(sizes)) {
        await page.setViewportSize({ width, height });
        await check(page, `${desk}-${size}-${name}`);
      }
    };
    await page.goto('/sign-in');
    await page.locator('input[type=password]').waitFor();
    await look('sign-in');
    await signIn(page);
    for (const [name, path, drawn] of pages.filter(([name]) => matter.includes(name))) {
      await page.goto(path());
      await drawn(page).waitFor();
      await page.rests();
      await look(name);
    }
    await context.close();
  });
}

await step('the second factor: set up, recovery codes, asked for and wrong', async () => {
  const burak = await colleague('burak');
  await burak.page.goto('/me');
  await burak.button('Set up').click();
  await burak.page.locator('main form').getByLabel('Current password').last().fill(PASSWORD);
  await burak.button('Continue').click();
  const key = (await burak.page.locator('[data-key]').innerText()).replaceAll(' ', '');
  await burak.page.getByLabel('Code from the app').scrollIntoViewIfNeeded();
  await check(burak.page, 'light-factor');
  await burak.page.emulateMedia({ colorScheme: 'dark' });
  await check(burak.page, 'dark-factor');
  await burak.page.getByLabel('Code from the app').fill(codeOf(key, Date.parse((await burak.ask('GET', '/me')).server_time)));
  await burak.button('Turn on').click();
  await burak.dialog.getByText('Store your recovery codes now').waitFor();
  await check(burak.page, 'dark-recovery-codes');
  await burak.context.close();
  // Few tries: guessing is slowed down.
  for (const locale of ['en-GB', 'tr-TR']) {
    const context = await enter({ locale });
    const page = await tab(context, `code ${locale}`);
    const look = async (name) => {
      for (const desk of ['light', 'dark', 'phone']) {
        await page.setViewportSize(desks[desk].viewport);
        await page.emulateMedia({ colorScheme: desks[desk].colorScheme });
        await check(page, `${desk}-${locale}-${name}`);
      }
    };
    await page.goto('/sign-in');
    await page.locator('input[type=email]').fill('burak@maviev.example');
    await page.locator('input[type=password]').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.locator('input[name=code]').waitFor();
    await look('sign-in-code');
    await page.locator('input[name=code]').fill('not a code');
    await page.keyboard.press('Enter');
    await page.locator('input[name=code][aria-invalid=true]').waitFor();
    await look('sign-in-code-wrong');
    await context.close();
  }
});

await step('what loads, what failed, and what a role may not see', async () => {
  const merve = await colleague('merve');
  for (const [name, path] of [['audit', '/console/audit'], ['ops', '/ops'], ['accounts', '/console/accounts']]) {
    await merve.page.goto(path);
    await merve.page.getByText('Your role cannot open this page.').waitFor();
    await check(merve.page, `light-${name}-not-allowed`);
  }
  await merve.context.close();
  const { page, context } = await Agent.at();
  for (const [name, path, asks, retry] of [
    ['audit', '/console/audit', '**/api/v1/audit**', 'main'], ['ops', '/ops', '**/api/v1/ops/vitals**', 'main'], ['inbox', '/inbox/mine', '**/api/v1/conversations?**', 'section.list'], ['sessions', '/me', '**/api/v1/me/sessions**', 'main'],
  ]) {
    let answer;
    const held = new Promise((r) => { answer = r; });
    await page.route(asks, async (route) => {
      await held;
      await route.fulfill({ status: 404, contentType: 'application/json', body: JSON.stringify({ error: { code: 'internal', message: '', request_id: 'PICTURE' } }) });
    });
    await page.goto(path);
    await page.locator('.shape').first().waitFor(); // after a moment, the shape of what comes
    await check(page, `light-${name}-loading`);
    answer();
    await page.locator(retry).getByRole('button', { name: 'Try again' }).first().waitFor();
    await check(page, `light-${name}-failed`);
    await page.unroute(asks);
  }
  await context.close();
});

await done();
