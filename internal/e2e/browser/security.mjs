// What one does for one's own safety, and what an administrator does when a phone is lost: where one is signed in, and the
// second factor from its QR code to its last recovery code.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import decode from 'qr/decode.js';
import { PASSWORD, becomes, done, focused, secret, step } from './stage.mjs';
import { STEP, codeOf } from './authenticator.mjs';
import { Agent, colleague } from './desk.mjs';

let merve, page, main, key, codes;

const press = (where, name) => where.getByRole('button', { name, exact: true }).click();
const field = (where, label) => where.getByLabel(label, { exact: true });
const sessions = () => main.getByRole('listitem').filter({ hasText: 'signed in' });
const says = (input, sentence) => becomes('the sentence at the field', async () => {
  const id = ((await input.getAttribute('aria-describedby')) ?? '').split(' ').find((i) => i.endsWith('-e'));
  return id && (await input.getAttribute('aria-invalid')) === 'true' ? page.locator(`[id="${id}"]`).innerText() : '';
}, sentence);

const code = (later = 0) => codeOf(key, Date.now() + later * STEP);
/** What is surely not the code, now or nearby. */
const wrong = () => ['000000', '111111', '222222', '333333'].find((c) => ![-2, -1, 0, 1, 2].some((s) => code(s) === c));

/** What a camera reads from the code that the page draws. */
async function camera(svg) {
  const { size, path } = await svg.evaluate((e) => ({ size: e.viewBox.baseVal.width, path: e.querySelector('path').getAttribute('d') }));
  const PX = 6, width = size * PX;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const [, x, y] of path.matchAll(/M(\d+) (\d+)/g)) {
    for (let i = 0; i < PX * PX; i++) data.fill(0, ((y * PX + Math.floor(i / PX)) * width + x * PX + (i % PX)) * 4, ((y * PX + Math.floor(i / PX)) * width + x * PX + (i % PX)) * 4 + 3);
  }
  return decode({ width, height: width, data });
}

await step('one sees where one is signed in, and ends one of them', async () => {
  merve = await colleague('merve', { permissions: ['clipboard-read', 'clipboard-write'] });
  page = merve.page;
  main = page.getByRole('main');
  const phone = await colleague('merve', {
    userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1',
  });
  await page.goto('/me');
  await becomes('two', () => sessions().count(), 2);
  const [here, there] = [sessions().filter({ hasText: 'This one' }), sessions().filter({ hasText: 'Safari on iPhone' })];
  assert.match(await here.innerText(), /Chrome on Linux[\s\S]*127\.0\.0\.1/);
  assert.equal(await here.getByRole('button').count(), 0, 'this one ends by signing out');
  await there.getByRole('button', { name: 'End Safari on iPhone' }).click();
  await merve.toast('Session ended').waitFor();
  await becomes('one is left', () => sessions().count(), 1);
  await phone.dialog.getByText('You are signed out', { exact: true }).waitFor();
  await phone.context.close();
});

await step('all others end at once', async () => {
  const others = [await colleague('merve'), await colleague('merve')];
  await page.reload();
  await becomes('three', () => sessions().count(), 3);
  await press(main, 'End all others');
  await merve.toast('2 sessions ended').waitFor();
  await main.getByText('You are signed in nowhere else.').waitFor();
  assert.equal(await sessions().count(), 1);
  for (const other of others) {
    assert.equal((await other.api('GET', '/me')).status, 401);
    await other.context.close();
  }
});

await step('a second factor begins with the password', async () => {
  await press(main, 'Set up');
  const password = main.locator('form').filter({ has: page.getByRole('button', { name: 'Continue' }) }).getByLabel('Current password');
  await becomes('its field has the focus', () => focused(page), 'input Current password');
  await press(main, 'Continue');
  await says(password, 'Fill this in.');
  await password.fill('not mine');
  await press(main, 'Continue');
  await says(password, 'The password is wrong.');
  await password.fill(PASSWORD);
  await page.keyboard.press('Enter');
  await main.getByRole('img', { name: 'QR code for your authenticator app' }).waitFor();
});

await step('the QR code is what an authenticator app takes, the key is the same in letters', async () => {
  key = (await main.locator('[data-key]').innerText()).replaceAll(' ', '');
  secret(key);
  const url = new URL(await camera(main.getByRole('img', { name: 'QR code for your authenticator app' })));
  assert.equal(url.protocol + url.host, 'otpauth:totp');
  assert.equal(url.searchParams.get('secret'), key);
  assert.match(decodeURIComponent(url.pathname), /merve@maviev\.example$/);
});

await step('a code of it turns it on, and the recovery codes are shown this once', async () => {
  const typed = field(main, 'Code from the app');
  await becomes('its field has the focus', () => focused(page), 'input Code from the app');
  await typed.fill(wrong());
  await press(main, 'Turn on');
  await says(typed, 'This code is wrong or was used before.');
  await typed.fill(code());
  await press(main, 'Turn on');
  await merve.dialog.getByText('Store your recovery codes now').waitFor();
  codes = await merve.dialog.getByRole('listitem').allInnerTexts();
  codes.forEach(secret);
  assert.equal(codes.length, 10);
  await page.keyboard.press('Escape');
  await press(merve.dialog, 'Copy');
  await merve.toast('Copied').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), codes.join('\n'));
  const [file] = await Promise.all([page.waitForEvent('download'), press(merve.dialog, 'Download')]);
  assert.equal(await readFile(await file.path(), 'utf8'), codes.join('\n') + '\n');
  await press(merve.dialog, 'I have stored them');
  await merve.dialog.waitFor({ state: 'hidden' });
  await main.getByText('10 recovery codes are left').waitFor();
});

await step('signing in asks for a code, says when it is wrong, and takes the right one', async () => {
  await merve.context.close();
  merve = await Agent.arrive(merve.email);
  page = merve.page;
  main = page.getByRole('main');
  await page.goto('/me');
  await field(main, 'E-mail').fill(merve.email);
  await field(main, 'Password').fill(PASSWORD);
  await press(main, 'Sign in');
  const typed = field(main, 'Code');
  await becomes('it has the focus', () => focused(page), 'input Code');
  assert.equal(await typed.getAttribute('autocomplete'), 'one-time-code');
  await press(main, 'Sign in');
  await says(typed, 'Fill this in.');
  await typed.fill(wrong());
  await press(main, 'Sign in');
  await says(typed, 'This code is wrong or was used before.');
  await becomes('the wrong one has the focus', () => focused(page), 'input Code');
  await typed.fill(code(1));
  await page.keyboard.press('Enter');
  await page.waitForURL('**/me');
  await main.getByText('10 recovery codes are left').waitFor();
});

await step('a recovery code lets in once, however it is typed', async () => {
  const other = await Agent.arrive(merve.email);
  const signIn = async (typed) => {
    await other.page.goto('/sign-in');
    await other.page.getByLabel('E-mail').fill(merve.email);
    await other.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await press(other.page, 'Sign in');
    await other.page.getByLabel('Code', { exact: true }).fill(typed);
    await press(other.page, 'Sign in');
  };
  await signIn(codes[3].toUpperCase().replaceAll('-', ' '));
  await other.page.getByRole('navigation', { name: 'Main' }).waitFor();
  await other.page.goto('/me');
  await other.page.getByText('9 recovery codes are left').waitFor();
  await other.presence.click();
  await other.page.getByRole('menuitem', { name: 'Sign out' }).click();
  await other.page.waitForURL('**/sign-in**');
  await signIn(codes[3]);
  await other.page.getByText('This code is wrong or was used before.').waitFor();
  await other.context.close();
});

await step('an admin ends the second factor of somebody whose phone is lost', async () => {
  const deniz = await Agent.at();
  await deniz.page.goto('/console/agents');
  await deniz.page.getByRole('link', { name: /^Merve/ }).click();
  const drawer = deniz.page.locator('aside.drawer');
  await press(drawer, 'End second factor');
  await deniz.dialog.getByText(/^End the second factor of Merve/).waitFor();
  await becomes('the safe button has the focus', () => focused(deniz.page), 'button Cancel');
  await press(deniz.dialog, 'End second factor');
  await deniz.toast(/^Ended the second factor of Merve/).waitFor();
  await merve.dialog.getByText('You are signed out', { exact: true }).waitFor();
  await drawer.getByText(/has no second factor\.$/).waitFor();
  await deniz.dialog.waitFor({ state: 'hidden' });
  await merve.dialog.getByLabel('Password').fill(PASSWORD);
  await press(merve.dialog, 'Sign in');
  await merve.dialog.waitFor({ state: 'hidden' });
  await page.goto('/me');
  await main.getByRole('button', { name: 'Set up' }).waitFor();
  await deniz.context.close();
});

await step('one turns it off with the password', async () => {
  await press(main, 'Set up');
  await main.locator('form').filter({ has: page.getByRole('button', { name: 'Continue' }) }).getByLabel('Current password').fill(PASSWORD);
  await press(main, 'Continue');
  key = (await main.locator('[data-key]').innerText()).replaceAll(' ', '');
  secret(key);
  await field(main, 'Code from the app').fill(code());
  await press(main, 'Turn on');
  await press(merve.dialog, 'I have stored them');
  await press(main, 'Turn off');
  const password = merve.dialog.getByLabel('Current password');
  await password.fill('not mine');
  await press(merve.dialog, 'Turn off');
  await says(password, 'The password is wrong.');
  await password.fill(PASSWORD);
  await press(merve.dialog, 'Turn off');
  await merve.toast('The second factor is off').waitFor();
  await main.getByRole('button', { name: 'Set up' }).waitFor();
  assert.equal((await merve.ask('GET', '/me/totp')).enabled, false);
});

await done();
