// An administrator at work (UI.md §4.4): accounts whose forms come from their settings, departments, agents, reasons, canned
// replies. Each is made, given rubbish, mended, and taken away again; what is wrong is said in words and at its field.
import assert from 'node:assert/strict';
import { DESK, becomes, done, excusing, focused, secret, step, until } from './stage.mjs';
import { Agent, colleague } from './desk.mjs';
import { customer } from './phone.mjs';

let deniz, page, main;
const drawer = () => page.locator('aside.drawer');
const field = (where, label) => where.getByLabel(label, { exact: true });
const press = (where, name) => where.getByRole('button', { name, exact: true }).click();
const goTo = async (name, path) => {
  await page.goto(`/console/${path}`);
  await page.getByRole('heading', { name: new RegExp(`^${name}`), level: 1 }).waitFor();
};
/** The sentence that belongs to a field, as assistive technology finds it. */
const errorOf = async (input) => {
  if ((await input.getAttribute('aria-invalid')) !== 'true') return '';
  const ids = ((await input.getAttribute('aria-describedby')) ?? '').split(' ').filter((id) => id.endsWith('-e'));
  return ids.length ? page.locator(`[id="${ids[0]}"]`).innerText() : '';
};
const says = (input, sentence) => becomes('the sentence at the field', () => errorOf(input), sentence);

await step('an account is connected with what its kind asks for', async () => {
  deniz = await Agent.at();
  page = deniz.page;
  main = page.getByRole('main');
  await goTo('Channel accounts', 'accounts');
  await press(page, 'Connect a channel');
  await main.getByRole('radio', { name: /^Instagram/ }).check();
  await press(page, 'Connect');
  await page.getByText(/^\d fields need attention$/).waitFor();
  const name = field(main, 'Name');
  await says(name, 'Fill this in.');
  await becomes('the first wrong field has the focus', async () => (await focused(page)).startsWith('input Name'), true);
  await main.getByRole('radio', { name: /^WhatsApp$/ }).check();
  await name.fill('Mavi Ev Toptan');
  await main.getByLabel('Phone number ID').fill('104');
  await main.getByLabel('Business account ID').fill('900104');
  for (const secret of ['Access token', 'App secret', 'Verify token']) await main.getByLabel(secret).fill('a secret of the account');
  await press(page, 'Connect');
  await page.getByRole('heading', { name: 'Mavi Ev Toptan', level: 1 }).waitFor();
  assert.match(await main.getByLabel('Webhook URL').inputValue(), /\/webhooks\//);
});

await step('its secrets cannot be read, only replaced', async () => {
  await page.reload();
  await main.getByText('Saved.').first().waitFor();
  assert.equal(await main.getByText('Saved.').count(), 3);
  const answer = JSON.stringify((await deniz.ask('GET', '/channel-accounts')).items);
  assert.ok(!answer.includes('a secret of the account'), 'the API gives no secret');
  await main.getByRole('button', { name: 'Replace' }).first().click();
  await main.getByLabel('Access token').fill('another');
  await press(page, 'Save');
  await deniz.toast('Saved Mavi Ev Toptan').waitFor();
  await becomes('it is hidden again', () => main.getByText('Saved.').count(), 3);
});

await step('a number that another account has is refused at its field', async () => {
  await goTo('Connect a channel', 'accounts/new');
  await main.getByRole('radio', { name: /^WhatsApp$/ }).check();
  await field(main, 'Name').fill('Once more');
  await main.getByLabel('Phone number ID').fill('104');
  await main.getByLabel('Business account ID').fill('900104');
  for (const secret of ['Access token', 'App secret', 'Verify token']) await main.getByLabel(secret).fill('x');
  await press(page, 'Connect');
  await says(main.getByLabel('Phone number ID'), 'Another account has this number.');
  assert.equal(await field(main, 'Name').inputValue(), 'Once more', 'what was entered is kept');
});

await step('leaving with changes asks', async () => {
  await main.getByRole('link', { name: 'All channel accounts' }).click();
  await deniz.dialog.getByText('Leave without saving?').waitFor();
  await press(deniz.dialog, 'Keep editing');
  await deniz.dialog.waitFor({ state: 'hidden' });
  assert.equal(await field(main, 'Name').inputValue(), 'Once more');
  await main.getByRole('link', { name: 'All channel accounts' }).click();
  await press(deniz.dialog, 'Discard changes');
  await page.getByRole('heading', { name: /^Channel accounts/, level: 1 }).waitFor();
});

await step('an account is disabled after a question, and enabled', async () => {
  await page.getByRole('link', { name: /Mavi Ev Toptan/ }).click();
  await press(main, 'Disable');
  await deniz.dialog.getByText('Disable Mavi Ev Toptan?').waitFor();
  await becomes('the safe button has the focus', () => focused(page), 'button Cancel');
  await press(deniz.dialog, 'Disable');
  await deniz.toast('Disabled Mavi Ev Toptan').waitFor();
  await press(main, 'Enable');
  await deniz.toast('Enabled Mavi Ev Toptan').waitFor();
  await main.getByText('Connected', { exact: true }).waitFor();
});

await step('a department is made; its name is its own; one in use stays, an empty one goes', async () => {
  await goTo('Departments', 'departments');
  await press(page, 'Add department');
  const name = field(drawer(), 'Department');
  await press(drawer(), 'Save');
  await says(name, 'Fill this in.');
  await name.fill('Destek');
  await press(drawer(), 'Save');
  await says(name, 'This name is taken.');
  await name.fill('Toptan');
  await drawer().getByRole('checkbox', { name: /^Return unanswered/ }).check();
  await drawer().getByLabel('After minutes').fill('0');
  await press(drawer(), 'Save');
  await says(drawer().getByLabel('After minutes'), 'From 1 to 1440 minutes.');
  await drawer().getByLabel('After minutes').fill('15');
  await press(drawer(), 'Save');
  await deniz.toast('Saved Toptan').waitFor();
  await drawer().waitFor({ state: 'hidden' });

  await page.getByRole('link', { name: /^Destek/ }).click();
  await press(drawer(), 'Delete department');
  await becomes('it must be typed', () => deniz.dialog.getByRole('button', { name: 'Delete department' }).getAttribute('aria-disabled'), 'true');
  await deniz.dialog.getByRole('textbox').fill('Destek');
  await press(deniz.dialog, 'Delete department');
  await deniz.toast('It is in use and cannot be removed.').waitFor();
  await press(drawer(), 'Close');
  await page.getByRole('link', { name: /^Toptan/ }).click();
  await press(drawer(), 'Delete department');
  await deniz.dialog.getByRole('textbox').fill('Toptan');
  await press(deniz.dialog, 'Delete department');
  await deniz.toast('Deleted Toptan').waitFor();
  await becomes('it is gone', () => page.getByRole('link', { name: /^Toptan/ }).count(), 0);
});

await step('an agent is made, with what is wrong said at each field', async () => {
  await goTo('Agents', 'agents');
  await press(page, 'Add agent');
  const [name, email, capacity] = [field(drawer(), 'Name'), field(drawer(), 'E-mail'), drawer().getByLabel('Capacity (0 to 500)')];
  await email.fill('nobody');
  await capacity.fill('501');
  await drawer().getByLabel('Languages').fill('turkish!');
  await press(drawer(), 'Save');
  await says(name, 'Fill this in.');
  await says(email, 'An e-mail address, for example ad@ornek.com.');
  await says(capacity, 'Capacity goes from 0 to 500.');
  await says(drawer().getByLabel('Languages'), 'Language codes, for example tr, en.');
  await drawer().getByText('5 fields need attention').waitFor();
  await name.fill('Şule Ünlü-Karahasanoğlu von Hohenstein');
  await email.fill('merve@maviev.example');
  await capacity.fill('3');
  await drawer().getByLabel('Languages').fill('tr, en');
  await drawer().getByLabel('First password').fill('a-long-enough-password');
  await drawer().getByRole('checkbox', { name: 'Destek' }).check();
  await press(drawer(), 'Save');
  await says(email, 'Somebody has this address already.');
  await email.fill('sule@maviev.example');
  await press(drawer(), 'Save');
  await deniz.toast(/^Added Şule/).waitFor();
});

await step('the list finds and sorts her; her capacity is changed and counts', async () => {
  const rows = () => main.locator('table tbody tr');
  await field(main, 'Name or e-mail').fill('sule');
  await becomes('only she is left', () => rows().count(), 1);
  await page.getByRole('link', { name: /^Şule/ }).click();
  const capacity = drawer().getByLabel('Capacity (0 to 500)');
  await capacity.fill('0');
  await drawer().getByText('nothing comes by itself').waitFor();
  await capacity.fill('7');
  await press(drawer(), 'Save');
  await deniz.toast(/^Saved Şule/).waitFor();
  await rows().getByText('0 of 7').waitFor();
  await field(main, 'Name or e-mail').fill('');
  await main.getByRole('columnheader', { name: /^Agent/ }).getByRole('button').click();
  await becomes('sorted', () => main.getByRole('columnheader', { name: /^Agent/ }).getAttribute('aria-sort'), 'ascending');
});

await step('the last admin stays one, and nobody shuts themselves out', async () => {
  await page.getByRole('link', { name: /^Deniz Acar/ }).click();
  await drawer().getByLabel('Role').selectOption({ label: 'Agent' });
  await press(drawer(), 'Save');
  await drawer().getByText('Somebody must stay admin.').waitFor();
  await press(drawer(), 'Cancel');
  await press(deniz.dialog, 'Discard changes');
  await deniz.dialog.waitFor({ state: 'hidden' });
  await drawer().waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Actions for Deniz Acar' }).click();
  const disable = page.getByRole('menuitem', { name: /^Disable/ });
  assert.equal(await disable.getAttribute('aria-disabled'), 'true');
  await page.getByText('You cannot disable yourself.').first().waitFor();
  await until('Esc closes the menu', async () => {
    await page.keyboard.press('Escape');
    return (await page.getByRole('menu').count()) === 0;
  });
});

await step('an agent is disabled and enabled', async () => {
  await page.getByRole('button', { name: /^Actions for Şule/ }).click();
  await page.getByRole('menuitem', { name: 'Disable' }).click();
  await deniz.toast(/^Disabled Şule/).waitFor();
  await page.getByRole('button', { name: /^Actions for Şule/ }).click();
  await page.getByRole('menuitem', { name: 'Enable' }).click();
  await deniz.toast(/^Enabled Şule/).waitFor();
});

for (const [title, path] of [['End reasons', 'end-reasons'], ['Break reasons', 'break-reasons']]) {
  await step(`${title}: added, renamed, moved, switched off`, async () => {
    await goTo(title, path);
    const label = (text) => main.getByRole('listitem').filter({ hasText: text });
    await main.getByRole('listitem').first().waitFor();
    const before = await main.getByRole('listitem').count();
    await press(main, 'Add');
    await main.getByText('Fill this in.').waitFor();
    await field(main, 'New reason').fill('Şikâyet');
    await press(main, 'Add');
    await label('Şikâyet').waitFor();
    await field(main, 'New reason').fill('Şikâyet');
    await press(main, 'Add');
    await main.getByText('There is a reason of this name already.').waitFor();
    await press(main, 'Rename Şikâyet');
    await main.getByRole('textbox', { name: 'Rename Şikâyet' }).fill('Şikâyet alındı');
    await page.keyboard.press('Enter');
    await label('Şikâyet alındı').waitFor();
    await press(main, 'Move Şikâyet alındı up');
    await becomes('it moved', () => main.getByRole('listitem').nth(before - 1).locator('span').first().innerText(), 'Şikâyet alındı');
    await press(label('Şikâyet alındı'), 'Turn off');
    await label('Şikâyet alındı').getByText('off', { exact: true }).waitFor();
    assert.equal(await main.getByRole('listitem').count(), before + 1);
  });
}

await step('a reason that is off is not offered, and one that was added meanwhile is', async () => {
  await deniz.ask('POST', '/end-reasons', { label: 'Yanlış numara' });
  const merve = await colleague('merve');
  await merve.be('Online');
  const elif = await customer('Elif Yıldız', '905332041896');
  await elif.write('Merhaba');
  await merve.open('Elif Yıldız');
  await merve.button('End').click();
  await merve.dialog.getByRole('radio', { name: 'Yanlış numara' }).waitFor();
  assert.equal(await merve.dialog.getByRole('radio', { name: 'Şikâyet alındı' }).count(), 0);
  await merve.context.close();
});

await step('canned replies: rubbish is refused, one is shared with everybody and deleted', async () => {
  await goTo('Canned replies', 'canned-replies');
  await press(page, 'Add canned reply');
  await field(drawer(), 'Shortcut').fill('iki kelime');
  await press(drawer(), 'Save');
  await says(field(drawer(), 'Shortcut'), 'One word of letters, digits, - and _.');
  await field(drawer(), 'Shortcut').fill('kargo');
  await field(drawer(), 'Title').fill('Kargo');
  await field(drawer(), 'Text').fill('Kargonuz yolda.');
  await press(drawer(), 'Save');
  await says(field(drawer(), 'Shortcut'), 'This shortcut is taken.');
  await field(drawer(), 'Shortcut').fill('/yolda');
  await press(drawer(), 'Save');
  await deniz.toast('Saved /yolda').waitFor();
  const burak = await colleague('burak');
  assert.ok((await burak.ask('GET', '/canned-replies')).items.some((r) => r.shortcut === 'yolda'));
  await burak.context.close();
  await page.getByRole('link', { name: /yolda/ }).click();
  await press(drawer(), 'Delete canned reply');
  await press(deniz.dialog, 'Delete canned reply');
  await deniz.toast('Deleted /yolda').waitFor();
});

await step('a deed whose list cannot be read afterwards is done: its form closes, and the page says what it cannot show', async () => {
  await excusing([/api\/v1\/desk/], async () => {
    await page.route('**/api/v1/desk**', (route) => route.abort());
    await press(page, 'Add canned reply');
    await field(drawer(), 'Shortcut').fill('gecikti');
    await field(drawer(), 'Title').fill('Gecikti');
    await field(drawer(), 'Text').fill('Kargonuz gecikti.');
    await press(drawer(), 'Save');
    await deniz.toast('Saved /gecikti').waitFor();
    await drawer().waitFor({ state: 'hidden' });
    await page.getByRole('main').getByRole('alert').getByRole('button', { name: 'Try again' }).click();
    await page.unroute('**/api/v1/desk**'); // and it is read, by itself if need be
    await page.getByRole('link', { name: /gecikti/ }).waitFor();
    await page.getByRole('main').getByRole('alert').waitFor({ state: 'hidden' });
  });
});

await step('an API key is shown once, works as its role, and is taken back', async () => {
  await goTo('API keys', 'api-keys');
  await press(page, 'Create API key');
  await press(drawer(), 'Create');
  await says(field(drawer(), 'Name'), 'Fill this in.');
  await field(drawer(), 'Name').fill('Sipariş sistemi');
  await press(drawer(), 'Create');
  const key = await deniz.dialog.getByLabel('API key', { exact: true }).inputValue();
  secret(key);
  const ask = async () => (await fetch(`${DESK}/api/v1/conversations?view=all`, { headers: { Authorization: `Bearer ${key}` } })).status;
  assert.equal(await ask(), 200);
  await page.keyboard.press('Escape');
  await press(deniz.dialog, 'I have stored it');
  await deniz.dialog.waitFor({ state: 'hidden' });
  assert.ok(!(await page.content()).includes(key), 'it is not shown again');
  await press(main, 'Revoke Sipariş sistemi');
  await press(deniz.dialog, 'Revoke');
  await deniz.toast('Revoked Sipariş sistemi').waitFor();
  await main.getByText('No API keys.').waitFor();
  assert.equal(await ask(), 401);
});

await step('the audit log tells all that, and what of an agent changed from what to what', async () => {
  await goTo('Audit log', 'audit');
  const rows = main.locator('table tbody tr');
  await becomes('the latest is first', () => rows.first().innerText().then((t) => t.split('\n')[0].split('\t')[0]), 'Revoked API key Sipariş sistemi');
  const sule = page.getByRole('link', { name: /^Changed agent Şule/ });
  assert.match(await rows.filter({ has: sule }).innerText(), /Deniz Acar[\s\S]*Capacity/);
  await sule.click();
  const entry = page.getByRole('complementary', { name: /^Entry \d+$/ });
  assert.match((await entry.innerText()).replace(/\s+/g, ' '), /Capacity from 3 to 7/);
  await page.keyboard.press('Escape');
  await entry.waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: 'Changed channel account Mavi Ev Toptan' }).first().click();
  assert.ok(!(await entry.innerText()).includes('a secret of the account'));
  await page.goBack();
  await page.waitForURL('**/console/audit');
});

await step('it goes back page by page to the first', async () => {
  const PAGE = 50; // rows
  const { key } = await deniz.ask('POST', '/api-keys', { name: 'Denetim', role: 'admin' }); // a program may ask more often than a person
  secret(key);
  for (let i = 0; i < PAGE; i++) {
    const answer = await fetch(`${DESK}/api/v1/canned-replies`, {
      method: 'POST', headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ shortcut: `s${i}`, title: 'Denetim', text: 'Denetim' }),
    });
    assert.ok(answer.ok, await answer.text());
  }
  await press(main, 'Load again');
  const rows = main.locator('table tbody tr');
  await main.getByText('Added canned reply s49').waitFor();
  assert.equal(await rows.count(), PAGE);
  await press(main, 'Show more');
  await main.getByText('Revoked API key Sipariş sistemi').waitFor();
  assert.match(await focused(page), /^a \w+ API key Denetim/, 'the first new row has the focus');
  const more = main.getByRole('button', { name: 'Show more' });
  await until('no more', async () => {
    if (await more.count()) await more.click();
    return (await more.count()) === 0;
  });
  const { items: [latest] } = await deniz.ask('GET', '/audit?limit=1');
  assert.equal(await rows.count(), latest.id, 'they are numbered from 1 without a gap');
});

await done();
