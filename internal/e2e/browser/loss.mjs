// Two tabs agree; and whatever is cut, reloaded or ended in between, nothing is missing, nothing is there twice, and what
// was typed is kept (UI.md §10.8).
import assert from 'node:assert/strict';
import { becomes, done, focused, step, until } from './stage.mjs';
import { Agent, colleague } from './desk.mjs';
import { openLine } from './line.mjs';
import { customer } from './phone.mjs';

const line = await openLine();
let deniz, second, elif, mehmet;
const said = []; // in the order in which the desk got it

const onPhone = async (who, text) => (await who.messages()).filter((m) => m.text === text && m.from_business).length;

await step('two tabs see the same arrive', async () => {
  deniz = await Agent.at(undefined, undefined, { proxy: line.proxy });
  await deniz.be('Online');
  second = await deniz.secondTab('/inbox/mine');
  await second.rest();
  elif = await customer('Elif Yıldız', '905332041896');
  mehmet = await customer('Mehmet Kaya', '905424417035');
  await elif.write('first');
  await mehmet.write('something else');
  for (const tab of [deniz, second]) {
    await tab.row('Elif Yıldız').waitFor();
    await tab.row('Mehmet Kaya').waitFor();
  }
  await deniz.page.bringToFront();
  await deniz.open('Elif Yıldız');
  await second.open('Elif Yıldız');
  for (const tab of [deniz, second]) await tab.message('first').waitFor();
  said.push('first');
});

await step('what one tab sends, the other shows once', async () => {
  await deniz.write('from the first tab');
  await second.message('from the first tab').waitFor();
  await second.write('from the second tab');
  await deniz.message('from the second tab').waitFor();
  said.push('from the first tab', 'from the second tab');
  for (const tab of [deniz, second]) {
    await becomes('both tabs', () => tab.texts(), said);
    await becomes('both statuses', () => tab.status('from the second tab'), 'Delivered');
  }
  await becomes('read in one is read in the other', async () => /unread/.test(await second.row('Elif Yıldız').getAttribute('aria-label')), false);
  await second.page.close();
});

await step('what arrives while a list is on its way is in it', async () => {
  await deniz.goTo('All');
  let slow;
  const asked = new Promise((heard) => (slow = heard));
  await deniz.page.route(/\/conversations\?view=mine/, async (route) => {
    const old = await route.fetch();
    await new Promise((go) => slow(go));
    await route.fulfill({ response: old });
  }, { times: 1 });
  await deniz.goTo('Mine');
  const go = await asked;
  const ayla = await customer('Ayla Demir', '905337654321');
  await ayla.write('just now');
  await deniz.row('Ayla Demir').waitFor();
  const answered = deniz.page.waitForResponse(/\/conversations\?view=mine/);
  go();
  await (await answered).finished();
  await deniz.open('Elif Yıldız');
  await becomes('who wrote meanwhile is still there', async () => (await deniz.rows()).includes('Ayla Demir'), true);
});

await step('the network is cut: what is sent waits, marked, and is said to be kept', async () => {
  line.cut();
  await deniz.context.setOffline(true);
  await deniz.page.getByText('Reconnecting. What you send is kept.').waitFor();
  await deniz.write('written without a network');
  await deniz.write('and another');
  await deniz.log.getByText('Will send when the connection is back.').first().waitFor();
  assert.equal(await deniz.box.inputValue(), '');
  for (const n of [1, 2, 3]) await elif.write(`meanwhile ${n}`);
  await until('the desk has them', async () => (await elif.messages()).filter((m) => /^meanwhile/.test(m.text) && m.status !== 'pending').length === 3);
  assert.deepEqual(await deniz.texts(), [...said, 'written without a network', 'and another']);
  const merve = await colleague('merve');
  await merve.ask('POST', '/end-reasons', { label: 'Kargo gecikti' });
  await merve.context.close();
});

await step('it comes back: nothing is missing, nothing is doubled, the order is that of pressing', async () => {
  await deniz.context.setOffline(false);
  line.mend();
  said.push('meanwhile 1', 'meanwhile 2', 'meanwhile 3', 'written without a network', 'and another');
  await becomes('the thread', () => deniz.texts(), said);
  await deniz.page.getByText('Reconnecting. What you send is kept.').waitFor({ state: 'hidden' });
  for (const text of ['written without a network', 'and another']) await becomes(`the phone has “${text}” once`, () => onPhone(elif, text), 1);
  await deniz.button('End').click();
  await deniz.dialog.getByRole('radio', { name: 'Kargo gecikti' }).waitFor(); // what was set up meanwhile is there, too
  await deniz.page.keyboard.press('Escape');
  await deniz.dialog.waitFor({ state: 'hidden' });
});

await step('cut in the middle of a send: the desk has it, the answer is lost, and it goes out once', async () => {
  const lost = line.cutAfter((r) => r.method === 'POST' && r.url.endsWith('/messages'));
  await deniz.write('sent once');
  assert.equal(await lost, 201);
  await deniz.message('sent once').waitFor();
  await until('the phone has it', async () => (await onPhone(elif, 'sent once')) > 0);
  line.mend();
  await becomes('it is confirmed', () => deniz.status('sent once'), 'Delivered');
  said.push('sent once');
  await becomes('the thread', () => deniz.texts(), said);
  await deniz.write('after it');
  said.push('after it');
  await becomes('the phone has the next', () => onPhone(elif, 'after it'), 1);
  assert.equal(await onPhone(elif, 'sent once'), 1);
  await becomes('the thread', () => deniz.texts(), said);
});

await step('a reload in the middle of a draft keeps it, and drafts stay with their conversations', async () => {
  await deniz.box.fill('half a thou');
  await deniz.open('Mehmet Kaya');
  await becomes('the other box is empty', () => deniz.box.inputValue(), '');
  await deniz.box.fill('for Mehmet');
  await deniz.page.reload();
  await becomes('Mehmet’s', () => deniz.box.inputValue(), 'for Mehmet');
  await deniz.open('Elif Yıldız');
  await becomes('Elif’s', () => deniz.box.inputValue(), 'half a thou');
  await until('the row shows his draft', async () => /Draft:\s*for Mehmet/.test(await deniz.row('Mehmet Kaya').innerText()));
});

await step('the box that stays from conversation to conversation takes nothing of one into the other', async () => {
  const { page, box } = deniz;
  const keys = await page.context().newCDPSession(page);
  const last = 'half a thou';
  await becomes('Elif’s', () => box.inputValue(), last);

  // A word that is still being composed.
  await box.focus();
  await box.press('End');
  await keys.send('Input.imeSetComposition', { text: 'ght', selectionStart: 3, selectionEnd: 3 });
  await deniz.open('Mehmet Kaya');
  await becomes('Mehmet’s has none of it', () => box.inputValue(), 'for Mehmet');

  // Undo reaches back to where this box began, no further.
  await box.focus();
  for (let i = 0; i < 5; i++) await box.press('Control+z');
  assert.equal(await box.inputValue(), 'for Mehmet');

  // From one to the other and back with each character: what is typed is where it was typed.
  const wrote = { 'Elif Yıldız': await (async () => { await deniz.open('Elif Yıldız'); return box.inputValue(); })(), 'Mehmet Kaya': 'for Mehmet' };
  assert.ok(wrote['Elif Yıldız'].startsWith(last), wrote['Elif Yıldız']);
  for (const [i, name] of [...'abcdef'].map((c, i) => [c, i % 2 ? 'Elif Yıldız' : 'Mehmet Kaya'])) {
    await deniz.row(name).click();
    await page.getByRole('textbox', { name: `Reply to ${name}` }).press('End');
    await page.keyboard.type(i);
    wrote[name] += i;
  }
  for (const name of ['Elif Yıldız', 'Mehmet Kaya']) {
    await deniz.open(name);
    await becomes(`what ${name} has`, () => box.inputValue(), wrote[name]);
  }

  // A file chosen in a window that was opened for another conversation.
  await deniz.open('Elif Yıldız');
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), deniz.composer.getByRole('button', { name: 'Attach' }).click()]);
  await deniz.open('Mehmet Kaya');
  await chooser.setFiles({ name: 'for-elif.txt', mimeType: 'text/plain', buffer: Buffer.from('hers') }).catch(() => {}); // its field is gone
  await page.keyboard.press('End');
  assert.equal(await deniz.composer.getByText('for-elif.txt').count(), 0);

  for (const [name, text] of [['Elif Yıldız', last], ['Mehmet Kaya', 'for Mehmet']]) {
    await deniz.open(name);
    await box.fill(text);
  }
  await deniz.open('Elif Yıldız');
});

await step('a reload without a network keeps what was sent', async () => {
  line.cut();
  await deniz.write('kept over a reload');
  await deniz.message('kept over a reload').waitFor();
  line.mend();
  await deniz.page.reload();
  said.push('kept over a reload');
  await becomes('the thread', () => deniz.texts(), said);
  await becomes('the phone', () => onPhone(elif, 'kept over a reload'), 1);
});

await step('the session ends in the middle of typing: the text is kept, and signing in again in place goes on', async () => {
  const elsewhere = await Agent.at();
  const password = `${deniz.password}-changed`;
  await deniz.box.fill('typed when the session ended');
  await elsewhere.ask('PUT', '/me/password', { current: deniz.password, new: password }); // ends all others
  await elsewhere.context.close();
  await deniz.dialog.getByText('You are signed out', { exact: true }).waitFor();
  assert.equal(await deniz.dialog.getByLabel('E-mail').inputValue(), deniz.email);
  await deniz.dialog.getByLabel('Password').fill(deniz.password);
  await deniz.dialog.getByRole('button', { name: 'Sign in' }).click();
  await deniz.dialog.getByText('E-mail or password is wrong.').waitFor();
  await deniz.dialog.getByLabel('Password').fill(password);
  await deniz.dialog.getByRole('button', { name: 'Sign in' }).click();
  await deniz.dialog.waitFor({ state: 'hidden' });
  assert.equal(await deniz.box.inputValue(), 'typed when the session ended');
  await becomes('one goes on where one was', () => focused(deniz.page), 'textarea Reply to Elif Yıldız');
  await deniz.page.keyboard.press('Enter');
  said.push('typed when the session ended');
  await becomes('the thread', () => deniz.texts(), said);
  await becomes('the phone', () => onPhone(elif, 'typed when the session ended'), 1);
});

line.close();
await done();
