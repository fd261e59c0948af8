// A day without a pointer (UI.md §6.10, §10.4): every key of the map on a real desk, and where the focus is after it.
import assert from 'node:assert/strict';
import { EMAIL, PASSWORD, becomes, done, focused, step, until } from './stage.mjs';
import { Agent, colleague } from './desk.mjs';
import { customer } from './phone.mjs';

const [ELIF, MEHMET, ZEYNEP] = ['Elif Yıldız', 'Mehmet Kaya', 'Zeynep Arslan'];
const people = {};
let deniz, page, merve;

const press = async (...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
const type = (text) => page.keyboard.type(text);
const focus = (want) => becomes('what has the focus', () => focused(page), want);
const view = (name) => page.getByRole('heading', { name, level: 1, exact: true }).waitFor();
const opens = (name) => deniz.thread(name).waitFor();
/** By K to the first row and J down to the one. */
const walkTo = async (name) => {
  await deniz.row(name).waitFor();
  const rows = await deniz.rows();
  await press(...rows.map(() => 'k'), ...rows.slice(0, rows.indexOf(name)).map(() => 'j'));
  await opens(name);
};
/** By the command bar: the words, and the option that they must bring to the top. */
const command = async (words, option) => {
  await press('Control+k');
  await deniz.dialog.getByRole('combobox', { name: 'Command bar' }).and(page.locator(':focus')).waitFor();
  await type(words);
  await deniz.dialog.getByRole('option', { name: option, selected: true }).waitFor();
  await press('Enter');
  await deniz.dialog.waitFor({ state: 'hidden' });
};

await step('sign in', async () => {
  deniz = await Agent.arrive();
  page = deniz.page;
  await page.goto('/');
  await page.getByLabel('E-mail').waitFor();
  await press('Tab');
  await focus('input E-mail');
  await type(EMAIL);
  await press('Tab');
  await focus('input Password');
  await type(PASSWORD);
  await press('Enter');
  await view('Mine');
});

await step('Ctrl K, in either language: go online', async () => {
  await command('çevrimiçi', 'Go online');
  await page.getByRole('button', { name: /^Online.*Change presence$/ }).waitFor();
});

await step('the first Tab offers the way past the navigation', async () => {
  await page.reload();
  await view('Mine');
  await press('Tab');
  await focus('a Skip to the conversations');
  await press('Enter');
  await focus('section Conversations');
});

await step('J and K go from one to the next, and Enter to the box', async () => {
  for (const [name, number] of [[ELIF, '905332041896'], [MEHMET, '905424417035'], [ZEYNEP, '905375550142']]) {
    people[name] = await customer(name, number);
    await people[name].write(`Merhaba, ben ${name}`);
    await deniz.row(name).waitFor();
  }
  await deniz.showsRows([ZEYNEP, MEHMET, ELIF]);
  for (const [key, name] of [['j', ZEYNEP], ['j', MEHMET], ['j', ELIF], ['k', MEHMET]]) {
    await press(key);
    await opens(name);
  }
  await press('Enter');
  await focus(`textarea Reply to ${MEHMET}`);
});

await step('a letter in the box is a letter; Shift Enter a line; Enter sends, Ctrl Enter too; the focus stays', async () => {
  await type('jqe?');
  await press('Shift+Enter');
  await type('g m.');
  assert.equal(await deniz.box.inputValue(), 'jqe?\ng m.');
  await press('Enter');
  await deniz.message('jqe?').waitFor();
  await focus(`textarea Reply to ${MEHMET}`);
  await type('ikinci');
  await press('Control+Enter');
  await deniz.message('ikinci').waitFor();
  assert.equal(await deniz.box.inputValue(), '');
});

await step('/ brings canned replies; Enter puts one in and does not send, Tab goes from hole to hole', async () => {
  await deniz.ask('POST', '/canned-replies', { shortcut: 'takip', title: 'Takip', text: '{{first_name}}, takip no {{no}}, teslim {{gün}}.', personal: true });
  await type('/tak');
  await page.getByRole('option', { name: /^\/takip/, selected: true }).waitFor();
  await press('Enter');
  await becomes('in the box', () => deniz.box.inputValue(), 'Mehmet, takip no {{no}}, teslim {{gün}}.');
  await becomes('the first hole is selected', () => deniz.box.evaluate((b) => b.value.slice(b.selectionStart, b.selectionEnd)), '{{no}}');
  await type('YK42');
  await press('Tab');
  await type('salı');
  assert.equal(await deniz.box.inputValue(), 'Mehmet, takip no YK42, teslim salı.');
  await press('Enter');
  await deniz.message('YK42').waitFor();
});

await step('Ctrl Shift F attaches a file', async () => {
  const [picker] = await Promise.all([page.waitForEvent('filechooser'), press('Control+Shift+f')]);
  await picker.setFiles({ name: 'fatura.txt', mimeType: 'text/plain', buffer: Buffer.from('42') });
  await until('it is uploaded', async () => (await deniz.composer.getByRole('button', { name: 'Send', exact: true }).getAttribute('aria-disabled')) !== 'true');
  await focus(`textarea Reply to ${MEHMET}`);
  await press('Enter');
  await deniz.message('fatura.txt').waitFor();
  await becomes('it arrived', () => deniz.status('fatura.txt'), 'Delivered');
});

await step('Esc leaves the box for the thread and the thread for the list; arrows walk both', async () => {
  await press('Escape');
  await focus(`log Messages with ${MEHMET}`);
  await press('ArrowUp');
  await until('the last message has the focus', async () => /^article You.*fatura\.txt/.test(await focused(page)));
  await press('Escape');
  await focus(`textarea Reply to ${MEHMET}`);
  await press('Escape', 'Escape');
  await until('the list has the focus', async () => (await focused(page)).startsWith('listbox Mine → '));
  await press('Home', 'ArrowDown');
  const [, second] = await deniz.rows(); // in its place as long as the list has the focus, and no longer
  await until('the second row is active', async () => (await focused(page)).startsWith(`listbox Mine → ${second},`));
  await press('Enter');
  await focus(`textarea Reply to ${second}`);
});

await step('Home and End in a long thread', async () => {
  for (let i = 1; i <= 30; i++) await people[ELIF].write(`Satır ${i}: uzun bir hikâyenin bir satırı`);
  await deniz.page.goto('/inbox/mine');
  await walkTo(ELIF);
  await deniz.box.waitFor();
  await deniz.message('Satır 30').waitFor();
  await press('Enter');
  await focus(`textarea Reply to ${ELIF}`);
  await press('Home');
  await focus(`log Messages with ${ELIF}`);
  await press('Home');
  await becomes('the beginning', () => deniz.log.evaluate((l) => l.scrollTop), 0);
  await press('End');
  await until('the end', () => deniz.log.evaluate((l) => l.scrollHeight - l.scrollTop - l.clientHeight < 2));
});

await step('R answers the message that has the focus, N writes a note', async () => {
  await press('ArrowUp');
  await until('a message has the focus', async () => (await focused(page)).startsWith(`article ${ELIF}`));
  await press('r');
  await focus(`textarea Reply to ${ELIF}`);
  await deniz.composer.getByRole('button', { name: 'Do not quote' }).waitFor();
  await type('buna yanıt');
  await press('Enter');
  await deniz.message('buna yanıt').getByText('Satır 30').waitFor();
  await press('Escape', 'n');
  await focus('textarea Note, only agents see this');
  await type('yalnız bize');
  await press('Enter');
  await deniz.message('yalnız bize').waitFor();
  await focus('textarea Note, only agents see this');
  await press('Escape', 'ArrowUp', 'Escape', 'Escape', 'r');
  await until('back at the reply', async () => (await focused(page)) === `textarea Reply to ${ELIF}`);
});

await step('E ends with a reason, Z takes it back', async () => {
  await press('Escape', 'e');
  await until('the first reason has the focus', async () => (await focused(page)).startsWith('radio '));
  await press('ArrowDown', 'Enter');
  await deniz.toast('Ended').waitFor();
  await becomes('it left the list', async () => (await deniz.rows()).includes(ELIF), false);
  await press('z');
  await opens(ELIF);
  await deniz.row(ELIF).waitFor();
});

await step('P pends and ends pending, U marks unread', async () => {
  await press('p');
  await becomes('it left Mine', async () => (await deniz.rows()).includes(ELIF), false);
  await press('g', 'p');
  await view('Pending');
  await walkTo(ELIF);
  await press('p');
  await deniz.toast(/pending/i).first().waitFor();
  await press('g', 'm');
  await view('Mine');
  await walkTo(ELIF);
  await press('u');
  await until('it is unread', async () => /unread/.test((await deniz.row(ELIF).getAttribute('aria-label')) ?? ''));
});

await step('A gives it to a colleague', async () => {
  merve = await colleague('merve');
  await merve.be('Online');
  await page.bringToFront();
  await press('a');
  await deniz.dialog.getByRole('combobox').and(page.locator(':focus')).waitFor();
  await type('merve');
  await press('Enter');
  await deniz.toast(/Merve/).waitFor();
  await merve.row(ELIF).waitFor();
  await becomes('it is not mine', async () => (await deniz.ask('GET', '/counts')).mine, 2);
});

await step('the command bar finds a conversation', async () => {
  await command('zeyn', new RegExp(`^${ZEYNEP}`));
  await opens(ZEYNEP);
});

await step('I shows and hides the contact', async () => {
  await press('g', 'm');
  await deniz.showsRows([MEHMET, ZEYNEP]);
  await walkTo(MEHMET);
  const panel = page.getByRole('complementary', { name: 'Contact' });
  await panel.waitFor();
  await press('i');
  await panel.waitFor({ state: 'hidden' });
  await press('i');
  await panel.waitFor();
});

await step('/ searches the list, Esc ends it', async () => {
  await press('/');
  await until('the field has the focus', async () => (await focused(page)).startsWith('input'));
  await type('zeynep');
  await deniz.showsRows([ZEYNEP]);
  await press('Escape');
  await deniz.showsRows([MEHMET, ZEYNEP]);
  await until('the list has the focus', async () => (await focused(page)).startsWith('listbox'));
});

await step('. applies what waits while the list stands still', async () => {
  await people[ZEYNEP].write('yukarı');
  await deniz.list.getByRole('button', { name: /moved up/ }).waitFor();
  await deniz.showsRows([MEHMET, ZEYNEP]);
  await press('.');
  await deniz.showsRows([ZEYNEP, MEHMET]);
});

await step('? shows all keys, and Esc leaves the focus where it was', async () => {
  await press('?');
  await deniz.dialog.getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor();
  assert.ok((await deniz.dialog.locator('dt').count()) >= 25);
  await press('Escape');
  await deniz.dialog.waitFor({ state: 'hidden' });
  await until('the list has the focus', async () => (await focused(page)).startsWith('listbox'));
});

await step('F6 walks the panes and Shift F6 back', async () => {
  await press('Enter');
  await until('the box', async () => (await focused(page)).startsWith('textarea Reply to'));
  const seen = [];
  for (let i = 0; i < 6; i++) {
    await press('F6');
    seen.push(await page.evaluate(() => document.activeElement.closest('aside, nav, [role=log], [role=listbox], textarea')?.getAttribute('aria-label')));
  }
  const name = (await deniz.page.locator('header h1').innerText()).trim();
  assert.deepEqual(seen, ['Contact', 'Main', 'Views', 'Mine', `Messages with ${name}`, `Reply to ${name}`]);
  await press('Shift+F6');
  await focus(`log Messages with ${name}`);
});

await step('Q takes the oldest from the queue, A takes the one that is open', async () => {
  await deniz.ask('PATCH', `/agents/${(await deniz.ask('GET', '/me')).id}`, { behavior: 'assigned_only' });
  await merve.be('Break · Öğle arası');
  for (const [name, number] of [['Selin Ak', '905309990001'], ['Okan Er', '905309990002']]) {
    people[name] = await customer(name, number);
    await people[name].write('Kimse var mı?');
    await until('it waits', async () => (await deniz.ask('GET', '/conversations?view=queue')).items.some((c) => c.contact.name === name));
  }
  await press('q');
  await opens('Selin Ak');
  await press('g', 'q');
  await view('Queue');
  await deniz.showsRows(['Okan Er']);
  await walkTo('Okan Er');
  await press('a');
  await page.waitForURL('**/inbox/mine/*');
  await becomes('both are mine', async () => (await deniz.ask('GET', '/counts')).mine, 4);
});

await step('Ctrl Shift Enter sends and ends', async () => {
  await deniz.box.waitFor();
  await press('Enter');
  await focus('textarea Reply to Okan Er');
  await type('Buradayız, iyi günler');
  await press('Control+Shift+Enter');
  await until('the first reason has the focus', async () => (await focused(page)).startsWith('radio '));
  await deniz.message('Buradayız').waitFor();
  await press('Space', 'Enter');
  await deniz.toast('Ended').waitFor();
  await press('g', 'h');
  await view('History');
  await deniz.row('Okan Er').waitFor();
});

await step('keys with Alt or AltGr do nothing, and all single keys can be switched off', async () => {
  await press('g', 'c');
  await page.waitForURL('**/console/*');
  await press('g', 'm');
  await view('Mine');
  const here = page.url();
  for (const key of ['Alt+q', 'Control+Alt+q', 'Alt+e', 'Control+Alt+e', 'Alt+/']) await press(key);
  await deniz.ask('PUT', '/me/prefs', { ...(await deniz.ask('GET', '/me')).prefs, shortcuts: false });
  await page.reload();
  await view('Mine');
  await deniz.row(MEHMET).waitFor();
  await press('?', 'j', 'g', 'h');
  assert.equal(page.url(), here);
  await press('Control+k');
  await deniz.dialog.getByRole('combobox').waitFor();
  assert.equal(page.url(), here);
  assert.equal(await deniz.dialog.count(), 1, 'no sheet of keys behind it');
});

await done();
