// Stored markup stays text (RELIABILITY.md S17): in a contact's name, a message, a file's name, a note, a canned reply, an
// agent's name, a department's name. The stage fails on any dialog and any request to another host; here is who tries. And what
// people say, their numbers, passwords and sessions are in no console and no log.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { DESK, PASSWORD, becomes, done, enter, secret, step, tab, until } from './stage.mjs';
import { Agent } from './desk.mjs';
import { Phone, customer } from './phone.mjs';

// Every request to it is a breach. It listens here too, on a host that the stage would otherwise allow.
const asked = [];
const canary = await new Promise((open) => {
  const server = createServer((req, res) => (asked.push(req.url), res.end())).listen(0, '127.0.0.1', () => open(server));
});
const host = `127.0.0.1:${canary.address().port}`;
const payloads = (where) => [
  `<img src=//${host}/${where} onerror=alert('${where}')>`,
  `"><script src=//${host}/${where}.js></script>`,
  `<svg/onload=alert('${where}')><a href="javascript:alert('${where}')">x</a>`,
  `{{constructor.constructor('alert(1)')()}}\${alert(1)}`,
];

let deniz, evil, page;

/** Nothing was made of it: no element that a message could have brought. */
const isText = async (p, what) => {
  const made = await p.evaluate((host) => [...document.querySelectorAll(`[onerror], [onload], [src*="${host}"], [href*="${host}"], [href^="javascript:" i], [srcdoc]`)].map((e) => e.outerHTML), host);
  assert.deepEqual(made, [], what);
};

await step('a customer comes with a name and messages of markup', async () => {
  deniz = await Agent.at();
  page = deniz.page;
  await deniz.be('Online');
  for (const text of ['905550009911', 'onerror=alert', 'ok.example', PASSWORD, ...(await deniz.context.cookies()).map((c) => c.value)]) secret(text);
  evil = await customer(payloads('name')[0], '905550009911');
  for (const text of payloads('message')) await evil.write(text);
  await evil.write(`javascript:alert('link') data:text/html,<script>alert(1)</script> https://ok.example/a`);
  const row = deniz.list.getByRole('option').first();
  await row.waitFor();
  assert.match(await row.innerText(), /<img src=/);
  await row.click();
  await deniz.message(`<img src=//${host}/message`).waitFor();
  await until('all five are here', async () => (await deniz.texts()).length === 5);
  assert.deepEqual((await deniz.texts()).slice(0, 4), payloads('message'));
  assert.deepEqual(await deniz.log.locator('article a').evaluateAll((all) => all.map((a) => a.href)), ['https://ok.example/a']);
  await isText(page, 'thread, list, panel');
});

await step('files are called so, and are what they are not', async () => {
  await evil.file(Buffer.from(`<html><script>alert('html')</script></html>`), 'text/html', `${payloads('file')[0]}.html`, payloads('caption')[0]);
  await evil.file(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert('svg')"><image href="http://${host}/svg"/></svg>`), 'image/svg+xml', 'a.svg');
  await deniz.message('caption').waitFor();
  const files = deniz.log.getByRole('button', { name: /HTML · |^Document/ });
  await becomes('both are files to save', () => files.count(), 2);
  const [saved] = await Promise.all([page.waitForEvent('download'), files.first().click()]);
  const answer = await deniz.context.request.get(saved.url());
  assert.equal(answer.status(), 200);
  assert.match(saved.suggestedFilename(), /\.html$/);
  assert.match(answer.headers()['content-disposition'] ?? '', /^attachment/);
  assert.match(answer.headers()['content-security-policy'] ?? '', /sandbox/);
  assert.equal(answer.headers()['x-content-type-options'], 'nosniff');
  await isText(page, 'files');
});

await step('a note, a canned reply and an answer of markup', async () => {
  await deniz.ask('POST', '/canned-replies', { shortcut: 'canary', title: payloads('title')[0], text: payloads('canned')[1], personal: false });
  await page.reload();
  await deniz.box.waitFor();
  await deniz.composer.getByRole('tab', { name: 'Note' }).click();
  await deniz.page.getByRole('textbox', { name: 'Note, only agents see this' }).fill(payloads('note')[0]);
  await deniz.page.getByRole('button', { name: 'Add note' }).click();
  await deniz.message(`/note onerror`).waitFor();
  await deniz.composer.getByRole('tab', { name: 'Reply' }).click();
  await deniz.box.pressSequentially('/canary');
  await deniz.page.getByRole('option', { name: /canary/ }).click();
  assert.equal(await deniz.box.inputValue(), payloads('canned')[1]);
  await deniz.box.press('Enter');
  await deniz.message('canned.js').waitFor();
  await becomes('it left as text', async () => (await evil.messages()).filter((m) => m.from_business).map((m) => m.text), [payloads('canned')[1]]);
  await isText(page, 'note, answer');
});

await step('the phone shows the answer as text', async () => {
  const phone = await Phone.of(evil.name);
  await phone.sees('canned.js');
  await isText(phone.page, 'phone');
});

await step('names in the console are text', async () => {
  const department = await deniz.ask('POST', '/departments', { name: payloads('department')[0].slice(0, 60), description: payloads('description')[2], policy: 'round_robin' });
  await deniz.ask('POST', '/agents', {
    name: payloads('agent')[0].slice(0, 60), email: 'canary@maviev.example', role: 'agent', password: 'a-long-enough-password', departments: [department.id], behavior: 'normal', capacity: 5, languages: ['en'],
  });
  await deniz.ask('POST', '/end-reasons', { label: payloads('reason')[0].slice(0, 60) });
  for (const at of ['departments', `departments/${department.id}`, 'agents', 'end-reasons', 'canned-replies', 'accounts']) {
    await page.goto(`/console/${at}`);
    await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor();
    if (/reasons|agents|departments$/.test(at)) await page.getByText(/<img src=/).first().waitFor();
    await isText(page, at);
  }
});

await step('so are dialogs, the command bar, search and history', async () => {
  await page.goto('/inbox/mine');
  await deniz.list.getByRole('option').first().click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'End', exact: true }).click();
  await deniz.dialog.getByText(/<img src=/).first().waitFor();
  await isText(page, 'end dialog');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await deniz.dialog.getByRole('combobox').fill('<img');
  await deniz.dialog.getByRole('option').first().waitFor();
  await isText(page, 'command bar');
});

await step('a visitor’s chat shows an agent of markup as text, and the visitor’s page as none', async () => {
  const web = (await deniz.ask('GET', '/channel-accounts')).items.find((a) => a.kind === 'webchat');
  const visitor = await tab(await enter(), 'visitor');
  await visitor.goto(`/widget/v1/${web.id}/frame`);
  await visitor.getByRole('textbox').fill(payloads('visitor')[0]);
  await visitor.getByRole('textbox').press('Enter');
  await visitor.getByRole('article').filter({ hasText: '/visitor' }).waitFor();
  await isText(visitor, 'widget');
});

await step('nobody asked the canary', async () => {
  assert.deepEqual(asked, []);
});

canary.close();
await done();
