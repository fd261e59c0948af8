// The same story through the chat on a shop's site: a visitor writes → routed → the agent answers → the visitor sees it and who
// → read on both sides → a reload loses nothing → pictures → a day passes, and there is no window → ended → history → taken up
// again. And a site that is not allowed gets nothing.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { DESK, becomes, done, enter, excusing, step, tab, until } from './stage.mjs';
import { Agent } from './desk.mjs';
import { Phone } from './phone.mjs';

// A shop with a policy as strict as a site's can be, on an origin of its own.
const shop = await new Promise((open) => {
  const server = createServer((req, res) => {
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    res.setHeader('Content-Security-Policy', `default-src 'none'; script-src ${DESK}; connect-src ${DESK}; frame-src ${DESK}`);
    const account = new URL(req.url, 'http://shop').searchParams.get('account');
    res.end(`<!doctype html><html lang="en"><title>Mavi Ev</title><script async src="${DESK}/widget.js" data-account="${account}"></script><h1>Seramikler</h1></html>`);
  }).listen(0, '127.0.0.1', () => open(server));
});
const origin = `http://127.0.0.1:${shop.address().port}`;

let deniz, visitor, account, conversation, name;
const chat = () => visitor.frameLocator('gatehouse-chat iframe');
const launcher = () => visitor.locator('gatehouse-chat .launch');
const box = () => chat().getByRole('textbox');
const bubble = (text) => chat().getByRole('article').filter({ hasText: text });
const opened = () => deniz.page.url().match(/[0-9a-f-]{36}$/)?.[0];
const tell = async (text) => (await box().fill(text), await box().press('Enter'));

await step('the site is allowed, another is not', async () => {
  deniz = await Agent.at();
  const accounts = (await deniz.ask('GET', '/channel-accounts')).items;
  const web = accounts.find((a) => a.kind === 'webchat');
  account = web.id;
  const behavior = { behavior: 'normal_and_assigned', departments: (await deniz.ask('GET', '/departments')).items.map((d) => d.id) };
  await deniz.ask('PATCH', `/agents/${(await deniz.ask('GET', '/me')).id}`, behavior);
  visitor = await tab(await enter({ baseURL: origin }), 'visitor');
  await excusing([/blocked by CORS policy/], async () => {
    const warned = visitor.waitForEvent('console', (m) => /^Gatehouse/i.test(m.text()));
    await visitor.goto(`/?account=${account}`);
    await warned; // the console says why
    assert.equal(await launcher().count(), 0, 'on a site that is not allowed nothing is shown');
  });
  await deniz.ask('PATCH', `/channel-accounts/${account}`, { settings: { ...web.settings, allowed_origins: origin } });
  await until('the launcher is there', async () => (await visitor.reload(), launcher().isVisible()));
});

await step('the visitor writes, and the agent sees it live', async () => {
  await deniz.be('Online');
  await launcher().click();
  await chat().getByText('Merhaba! Size nasıl yardımcı olabiliriz?').waitFor();
  await tell('Is the Aegean series dishwasher safe?');
  await bubble('dishwasher').waitFor();
  const row = deniz.list.getByRole('option', { name: /Web chat.*dishwasher/ });
  await row.waitFor();
  await row.click();
  await deniz.rest();
  await deniz.message('dishwasher').waitFor();
  conversation = await until('the address says which', opened);
  name = await deniz.page.locator('header h1').innerText();
  await deniz.said('Directed to you').waitFor();
  assert.equal(await deniz.composer.getByText(/Window/).count(), 0, 'web chat has no window');
});

await step('the agent answers, and the visitor sees who', async () => {
  await chat().getByRole('heading', { name: 'Deniz Acar' }).waitFor();
  await deniz.write('Yes, all but the gilded ones.');
  await bubble('all but the gilded').getByText('Deniz Acar').waitFor();
  await bubble('dishwasher').getByRole('img', { name: 'Read' }).waitFor();
  await becomes('the agent sees that it was read', () => deniz.status('all but the gilded'), 'Read');
});

await step('typing is seen on both sides', async () => {
  await box().pressSequentially('And the');
  await deniz.log.getByText('typing…').waitFor();
  await deniz.box.pressSequentially('One mo');
  await chat().getByText('Deniz Acar is typing…').waitFor();
  await deniz.box.fill('');
});

await step('a reload loses nothing', async () => {
  await visitor.reload();
  await bubble('all but the gilded').waitFor();
  assert.equal(await box().inputValue(), 'And the', 'the draft too');
  await tell('And the vases?');
  await deniz.message('And the vases?').waitFor();
  assert.deepEqual(await deniz.texts(), ['Is the Aegean series dishwasher safe?', 'Yes, all but the gilded ones.', 'And the vases?']);
});

await step('a picture goes from the visitor to the agent', async () => {
  const picture = await (await fetch(`${DESK}/demo/api/samples/bowl.jpg`)).arrayBuffer();
  const [picker] = await Promise.all([visitor.waitForEvent('filechooser'), chat().getByRole('button', { name: 'Attach a file' }).click()]);
  await picker.setFiles({ name: 'kase.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(picture) });
  const shown = deniz.log.locator('article img').last();
  await until('the agent sees it', async () => (await shown.count()) && shown.evaluate((i) => i.complete && i.naturalWidth > 0));
});

await step('and one from the agent to the visitor', async () => {
  const picture = await (await fetch(`${DESK}/demo/api/samples/plate.jpg`)).arrayBuffer();
  const [picker] = await Promise.all([deniz.page.waitForEvent('filechooser'), deniz.composer.getByRole('button', { name: /^Attach/ }).click()]);
  await picker.setFiles({ name: 'tabak.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(picture) });
  await until('it is uploaded', async () => (await deniz.composer.getByRole('button', { name: 'Send', exact: true }).getAttribute('aria-disabled')) !== 'true');
  await deniz.box.fill('This one');
  await deniz.box.press('Enter');
  await bubble('This one').waitFor();
  const image = bubble('This one').locator('img');
  await until('the visitor sees it', async () => (await image.count()) && image.evaluate((i) => i.complete && i.naturalWidth > 0));
});

await step('a day later the agent still writes freely', async () => {
  const phone = await Phone.of('Elif Yıldız');
  await phone.aDayLater();
  await signInAgainIfAsked();
  await deniz.write('Are you still with us?');
  await bubble('Are you still with us?').waitFor();
});

/** A session lasts a day too. */
async function signInAgainIfAsked() {
  const answer = await deniz.api('GET', '/me');
  if (answer.status !== 401) return;
  await deniz.dialog.getByLabel('Password').fill(deniz.password);
  await deniz.dialog.getByRole('button', { name: 'Sign in' }).click();
  await deniz.dialog.waitFor({ state: 'hidden' });
}

await step('the agent ends it with a reason, and the visitor is told', async () => {
  await deniz.end(name, 'Bilgi verildi');
  await chat().getByText('ended the chat').waitFor();
  assert.equal(await box().count(), 0, 'an ended chat has no box');
  await deniz.goTo('Mine');
  await deniz.showsRows([], 'Mine is empty');
});

await step('it is in History with the reason, and is taken up again', async () => {
  await deniz.goTo('History');
  await deniz.open(name);
  await deniz.said(/ended it: Bilgi verildi/).waitFor();
  await deniz.composer.getByRole('button', { name: 'Take up again' }).click();
  await deniz.box.waitFor();
  await box().waitFor();
  await deniz.write('I found a photo of the inside.');
  await bubble('a photo of the inside').waitFor();
  await tell('Please show me.');
  await deniz.message('Please show me.').waitFor();
  assert.equal(deniz.page.url().split('/').pop(), conversation);
  assert.deepEqual(await chat().getByRole('article').filter({ hasText: 'dishwasher safe' }).count(), 1, 'all that was said is there, once');
});

await step('ended again, the visitor begins a new one', async () => {
  await deniz.end(name, 'Bilgi verildi');
  await chat().getByRole('button', { name: 'Start a new chat' }).click();
  await tell('One more thing');
  await deniz.goTo('Mine');
  const row = deniz.list.getByRole('option', { name: /One more thing/ });
  await row.waitFor();
  await row.click();
  await becomes('it is a conversation of its own', () => !!opened() && opened() !== conversation, true);
  await deniz.goTo('History');
  await becomes('the first is in History', () => deniz.list.getByRole('option').count(), 1);
});

shop.close();
await done();
