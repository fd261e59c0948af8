// The behaviour of the built app against the mock, in a real browser and without a pointer where keys exist:
//   npm run build && npm run walk
// Each step says what must be true; the first that is not ends it with 1.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
const PORT = '4182';
const BASE = `http://127.0.0.1:${PORT}`;
const mock = spawn(process.execPath, [join(here, 'mock.mjs'), '--port', PORT], { stdio: ['ignore', 'pipe', 'inherit'] });
await new Promise((resolve) => mock.stdout.once('data', resolve));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const control = (q) => fetch(`${BASE}/__mock?${q}`);
const faults = [];

async function tab(context) {
  const page = await context.newPage();
  page.on('pageerror', (e) => faults.push(String(e)));
  page.on('console', (m) => m.type() === 'error' && !/Failed to load resource|WebSocket/.test(m.text()) && faults.push(m.text()));
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => console.error(`policy ${e.violatedDirective} ${e.blockedURI}`)));
  return page;
}
async function until(what, test, ms = 6000) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    try {
      last = await test();
      if (last) return last;
    } catch (e) {
      last = e.message.split('\n')[0];
    }
    await new Promise((r) => setTimeout(r, 50));
  }
  throw new Error(`not so: ${what} (${last})`);
}
const steps = [];
const step = (name, run) => steps.push([name, run]);
const box = (p) => p.locator('#composer textarea');
const last = (p) => p.locator('[role=log] article').last().innerText();
const focused = (p) => p.evaluate(() => document.activeElement?.tagName + (document.activeElement?.getAttribute('role') ?? ''));
const open = async (p, name) => {
  await p.getByRole('option', { name }).first().click();
  await until(`${name} is open`, async () => (await p.locator('section.thread h1').innerText()) === name);
  await until('its composer is there', () => p.locator('#composer').isVisible());
};

let context, page;
step('sign in by keyboard', async () => {
  context = await browser.newContext({ baseURL: BASE, viewport: { width: 1440, height: 900 }, locale: 'en-GB' });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  page = await tab(context);
  await page.goto('/inbox/queue');
  await page.getByLabel('E-mail').fill('deniz@maviev.com');
  await page.getByLabel('Password').fill('wrong');
  await page.keyboard.press('Enter');
  await until('a wrong password is told in words', () => page.getByText('E-mail or password is wrong.').isVisible());
  await page.getByLabel('Password').fill('mavi-ev-2026');
  await page.keyboard.press('Enter');
  await until('it leads where one wanted to go', () => page.url().endsWith('/inbox/queue'));
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  await until('G M goes to mine', () => page.url().endsWith('/inbox/mine'));
});
step('walk the list by J and K, Enter goes to the box', async () => {
  await until('the list is there', async () => (await page.getByRole('option').count()) > 5);
  await page.keyboard.press('j');
  await until('J opens the first', () => /mine\/.+/.test(page.url()));
  const first = page.url();
  await page.keyboard.press('j');
  await until('J opens the next', () => page.url() !== first);
  await page.keyboard.press('k');
  await until('K goes back', () => page.url() === first);
  await page.keyboard.press('Enter');
  await until('Enter goes to the box', async () => (await focused(page)).startsWith('TEXTAREA'));
});
step('a reply appears at once, its ticks go forward, the focus stays', async () => {
  await open(page, 'Hannah Weber');
  await box(page).fill('Shipping is free above 100 €.');
  await page.keyboard.press('Enter');
  await until('the bubble is there', async () => (await last(page)).includes('Shipping is free'), 300);
  await until('the box is empty and has the focus', async () => (await box(page).inputValue()) === '' && (await focused(page)).startsWith('TEXTAREA'));
  await until('it becomes read', () => page.locator('[role=log] article').last().getByLabel('Read', { exact: true }).isVisible(), 8000);
  if ((await page.getByText('Shipping is free above').count()) !== 2) throw new Error('the message stands in the thread and the list once each');
});
step('a canned reply by /, its variable filled in, Enter does not send', async () => {
  await box(page).pressSequentially('/mer');
  await until('the menu fits', () => page.getByRole('option', { name: /merhaba/ }).isVisible());
  await page.keyboard.press('Enter');
  await until('the text is in the box', async () => (await box(page).inputValue()) === 'Merhaba Hannah hoş geldiniz, ben Deniz. Size nasıl yardımcı olabilirim?');
  await box(page).fill('');
});
step('a draft belongs to its conversation and survives a reload', async () => {
  await box(page).fill('half a sentence for Hannah');
  await open(page, 'James Okafor');
  await until('another box is empty', async () => (await box(page).inputValue()) === '');
  await until('the row shows the draft', () => page.getByRole('option', { name: 'Hannah Weber' }).getByText('Draft:').isVisible());
  await page.reload();
  await open(page, 'Hannah Weber');
  await until('the text is back', async () => (await box(page).inputValue()) === 'half a sentence for Hannah');
  await box(page).fill('');
});
step('a note does not flip back to a reply', async () => {
  await page.getByRole('tab', { name: 'Note' }).click();
  await box(page).fill('Only for us');
  await page.keyboard.press('Enter');
  await until('the note is there', async () => (await last(page)).includes('Only for us'));
  await until('the tab is still Note', async () => (await page.getByRole('tab', { name: 'Note' }).getAttribute('aria-selected')) === 'true');
  await page.getByRole('tab', { name: 'Reply' }).click();
});
step('a file by paste uploads and is sent', async () => {
  await box(page).focus();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(2000)], 'photo.png', { type: 'image/png' }));
    document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await until('the tray shows it', () => page.getByText('photo.png').isVisible());
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(20)], 'virus.exe', { type: 'application/x-msdownload' }));
    document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await until('a refusal names the type', () => page.getByText('Web chat does not accept .exe files here.').isVisible());
  await page.getByLabel('Remove virus.exe').click();
  await until('the upload is done', () => page.getByRole('button', { name: 'Send', exact: true }).and(page.locator(':not([aria-disabled])')).isVisible());
  await box(page).focus();
  await page.keyboard.press('Enter');
  await until('the picture is in the thread', () => page.locator('[role=log] article').last().locator('.picture').isVisible());
});
step('fifty live events move neither the row under the pointer nor the message under the eye', async () => {
  await open(page, 'Muhammed Abdülkerim Karahasanoğlu-Yıldırım');
  await until('the thread is long', async () => (await page.locator('[role=log] article').count()) > 60);
  const log = page.locator('[role=log]');
  await log.evaluate((el) => (el.scrollTop = el.scrollHeight / 2));
  await new Promise((r) => setTimeout(r, 500));
  await page.getByRole('option', { name: 'James Okafor' }).hover();
  const where = () => page.evaluate(() => {
    const log = document.querySelector('[role=log]');
    const middle = log.getBoundingClientRect().top + log.clientHeight / 2;
    const article = [...log.querySelectorAll('article')].find((a) => a.getBoundingClientRect().bottom > middle);
    const row = [...document.querySelectorAll('[role=option]')].find((o) => o.getAttribute('aria-label').startsWith('James Okafor'));
    return { id: article.dataset.message, row: row.getBoundingClientRect().top };
  });
  const before = await where();
  const top = (id) => page.evaluate((id) => document.querySelector(`[data-message="${id}"]`).getBoundingClientRect().top, id);
  const y = await top(before.id);
  for (let i = 0; i < 50; i++) await control(`incoming=${encodeURIComponent(['Zeynep Arslan', 'Muhammed Abdülkerim Karahasanoğlu-Yıldırım', 'Mehmet Kaya'][i % 3])}&text=${i}`);
  await new Promise((r) => setTimeout(r, 900));
  const after = await where();
  if (Math.abs((await top(before.id)) - y) > 0.5) throw new Error(`the message moved by ${(await top(before.id)) - y}px`);
  if (after.row !== before.row) throw new Error(`the row moved by ${after.row - before.row}px`);
  await until('the pill counts what waits', () => page.getByRole('button', { name: /conversations? moved up/ }).isVisible());
  await page.keyboard.press('.');
  await until('. applies it', async () => /Mehmet|Zeynep|Muhammed/.test(await page.getByRole('option').first().getAttribute('aria-label')));
  await page.mouse.move(900, 300);
});
step('without a connection a message is kept over a reload and goes out once', async () => {
  await open(page, 'Hannah Weber');
  await control('cut=1&drop=1');
  await box(page).fill('written in the tunnel');
  await page.keyboard.press('Enter');
  await until('the strip tells', () => page.getByText('Reconnecting. What you send is kept.').isVisible());
  await until('the bubble tells', () => page.getByText('Will send when the connection is back.').isVisible());
  await control('cut=0');
  await page.reload();
  await open(page, 'Hannah Weber');
  await until('it goes out by itself', () => page.locator('[role=log] article', { hasText: 'written in the tunnel' }).getByLabel(/Sent|Delivered|Read/).isVisible(), 15000);
  if ((await page.locator('[role=log] article', { hasText: 'written in the tunnel' }).count()) !== 1) throw new Error('it is there more than once');
});
step('what came while the stream was away is not missing', async () => {
  await control('down=1&drop=1');
  await control(`incoming=${encodeURIComponent('Hannah Weber')}&text=while%20you%20were%20away`);
  await control('down=0');
  await until('it is in the thread', async () => (await last(page)).includes('while you were away'), 15000);
});
step('two tabs agree', async () => {
  const second = await tab(context);
  await second.goto(page.url());
  await until('the second shows the thread', async () => (await last(second)).includes('while you were away'));
  await box(second).fill('from the second tab');
  await second.keyboard.press('Enter');
  await until('the first has it', async () => (await last(page)).includes('from the second tab'));
  await second.close();
});
step('the window closes while typing: the text is kept, a template is sent instead', async () => {
  await open(page, 'Mehmet Kaya');
  await box(page).fill('almost done');
  await control(`window=${encodeURIComponent('Mehmet Kaya')}:0`);
  await until('the picker stands in its place', () => page.getByText('Choose an approved template.').isVisible());
  await until('the text is kept', () => page.getByText('Your text is kept.').isVisible());
  await page.getByLabel(/Product/).fill('kırmızı kase');
  await until('the preview follows exactly', () => page.locator('mark', { hasText: 'kırmızı kase' }).isVisible());
  await page.getByRole('button', { name: 'Send template' }).click();
  await until('it is sent', async () => (await last(page)).includes('kırmızı kase yeniden stokta'));
  await control(`window=${encodeURIComponent('Mehmet Kaya')}:1400`);
  await until('the box returns with the text', async () => (await box(page).inputValue()) === 'almost done');
});
step('end with a reason, undo', async () => {
  await open(page, 'James Okafor');
  const url = page.url();
  await page.locator('section.thread h1').click();
  await page.keyboard.press('e');
  await page.getByRole('dialog').getByText('Çözüldü').click();
  await page.getByRole('button', { name: 'End conversation' }).click();
  await until('it says so', () => page.locator('.toast', { hasText: 'Ended' }).isVisible());
  await until('the next older one opens', () => page.url() !== url);
  await page.keyboard.press('z');
  await until('Z brings it back', () => page.url() === url);
});
step('take the oldest; a colleague’s conversation can be noted, not answered', async () => {
  await page.keyboard.press('q');
  await until('it is mine', async () => (await page.locator('section.thread h1').innerText()) === 'Kerem Aksoy');
  await page.goto('/inbox/all?q=Levent');
  await open(page, 'Levent Yavuz');
  await until('the gate says who', () => page.getByText('Merve Koç is handling this conversation.').isVisible());
  if (await box(page).isVisible()) throw new Error('there is a reply box for what cannot be replied to');
});
step('the command bar works from anywhere and folds Turkish letters', async () => {
  const bar = () => until('the bar has the focus', () => page.evaluate(() => document.activeElement?.getAttribute('aria-controls') === 'cmd-list'));
  await page.keyboard.press('Control+k');
  await bar();
  await page.keyboard.type('sira');
  await page.keyboard.press('Escape');
  await until('Escape closes it', async () => (await page.getByRole('dialog').count()) === 0);
  await page.keyboard.press('Control+k');
  await bar();
  await page.keyboard.type('kuyruk');
  await page.keyboard.press('Enter');
  await until('a Turkish word finds the queue in English too', () => page.url().endsWith('/inbox/queue'));
});
step('signed out while typing: nothing is lost, one signs in in place', async () => {
  await page.goto('/inbox/mine');
  await open(page, 'Hannah Weber');
  await box(page).fill('do not lose me');
  await control('signout=1');
  await until('the dialog is there', () => page.getByRole('dialog').getByText('Your text is kept.').isVisible());
  await page.getByRole('dialog').getByLabel('Password').fill('mavi-ev-2026');
  await page.keyboard.press('Enter');
  await until('it goes away', async () => (await page.getByRole('dialog').count()) === 0);
  await until('the text is there', async () => (await box(page).inputValue()) === 'do not lose me');
});
step('an account is connected from its kind’s settings, secrets stay unread', async () => {
  await page.goto('/console/accounts/new');
  await page.getByText('Instagram', { exact: true }).click();
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await until('missing fields are counted', () => page.getByText(/fields need attention/).isVisible());
  await page.getByLabel('Name', { exact: true }).fill('@maviev.toptan');
  await page.getByLabel('Instagram account ID').fill('17841400001');
  for (const s of ['Access token', 'App secret', 'Verify token']) await page.getByLabel(s).fill('geheim');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await until('its page opens with the webhook', () => page.getByLabel('Webhook URL').isVisible());
  await until('secrets are only said to be saved', async () => (await page.getByRole('button', { name: 'Replace' }).count()) === 3);
});
step('an API key is shown once', async () => {
  await page.goto('/console/api-keys/new');
  await page.getByLabel('Name').fill('ERP');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await until('the key is shown', async () => (await page.getByLabel('API key', { exact: true }).inputValue()).startsWith('ghk_'));
  await page.getByRole('button', { name: 'I have stored it' }).click();
  await until('it is listed', () => page.getByText('ERP').isVisible());
});

let failed = false;
for (const [name, run] of steps) {
  try {
    await run();
    if (faults.length) throw new Error(`the page complained: ${faults.join(' · ')}`);
    console.log(`ok    ${name}`);
  } catch (e) {
    failed = true;
    console.log(`FAIL  ${name}\n      ${e.message}`);
    await page.screenshot({ path: join(process.env.TMPDIR ?? '/tmp', 'inbox-walk.png') });
    if (!process.argv.includes('--all')) break;
    faults.length = 0;
  }
}
await browser.close();
mock.kill();
process.exitCode = failed ? 1 : 0;
