// An operator without Grafana (UI.md §2, /ops): is all well, and if not what is wrong and what to do. An account fails, messages
// come for a number that is not here, a webhook cannot be read: each is said on the page within a minute, and is over when it is mended.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { DESK, becomes, done, excusing, focused, secret, step, until } from './stage.mjs';
import { Agent, colleague } from './desk.mjs';
import { customer } from './phone.mjs';

const APP_SECRET = 'the-app-secret-of-this-story';
secret(APP_SECRET);
const MINUTE = 90_000; // the page asks four times a minute, and processes tell as often
let deniz, page, main, made;

const headline = () => main.getByRole('status').filter({ hasText: /\S/ }).first().innerText();
const says = (text) => becomes('the headline', headline, text, MINUTE);
const sign = (text) => main.getByRole('listitem').filter({ hasText: text });
const tile = (name) => main.getByRole('region', { name, exact: true });

/** A webhook as Meta signs it, for a number. */
async function webhook(number, value) {
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '900777', changes: [{ field: 'messages', value: { messaging_product: 'whatsapp', metadata: { display_phone_number: '15550001111', phone_number_id: number }, ...value } }] }] });
  const signature = createHmac('sha256', APP_SECRET).update(body).digest('hex');
  return (await fetch(`${DESK}/webhooks/meta`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Hub-Signature-256': `sha256=${signature}` }, body })).status;
}
const hello = (id, text) => ({
  contacts: [{ profile: { name: 'Nehir Su' }, wa_id: '905551230099' }],
  messages: [{ from: '905551230099', id, timestamp: String(Math.floor(Date.now() / 1000)), type: 'text', text: { body: text } }],
});
const connect = async (name, number) => {
  const [whatsapp] = (await deniz.ask('GET', '/channel-accounts')).items.filter((a) => a.kind === 'whatsapp');
  return deniz.ask('POST', '/channel-accounts', {
    kind: 'whatsapp', name, department_id: whatsapp.department_id, language: 'tr',
    settings: { ...whatsapp.settings, phone_number_id: number, business_account_id: '900777', access_token: 'a token that the provider does not know', app_secret: APP_SECRET, verify_token: 'x' },
  });
};

await step('the page is found from the console, and all is well', async () => {
  deniz = await Agent.at();
  page = deniz.page;
  main = page.getByRole('main');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Console' }).click();
  await page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Operations' }).click();
  await page.waitForURL('**/ops');
  await says('All is well');
  const processes = main.getByRole('region', { name: 'Processes' }).getByRole('row');
  await becomes('this process lives', async () => (await processes.nth(1).innerText()).includes('alive'), true);
  await main.getByText('Redis answers').waitFor();
});

await step('what happens is counted, and read from the charts by the keys and as a table', async () => {
  const person = await customer('Nehir Su', '905551230011');
  for (const n of ['one', 'two', 'three']) await person.write(n);
  await until('three webhooks', async () => Number((await tile('Webhooks taken').locator('.big').innerText()).replace(/\D/g, '')) >= 3, MINUTE);
  const reader = main.getByRole('slider', { name: 'Webhooks taken: read the values' });
  await reader.focus();
  const values = new Set();
  for (let i = 0; i < 5; i++) {
    values.add(await reader.getAttribute('aria-valuetext'));
    await page.keyboard.press('ArrowLeft');
  }
  assert.ok([...values].every((v) => /^\d\d:\d\d: taken \d+, refused 0$/.test(v)) && values.size >= 4, [...values].join(' | '));
  await page.getByRole('button', { name: 'Show charts as tables' }).click();
  const rows = tile('Webhooks taken').getByRole('row');
  const taken = await rows.evaluateAll((all) => all.slice(1).reduce((sum, r) => sum + Number(r.cells[1].textContent), 0));
  assert.ok(taken >= 3, `${taken} in the table`);
  await page.getByRole('button', { name: 'Show charts as tables' }).click();
  await page.getByRole('button', { name: '24 hours' }).click();
  await tile('Webhooks taken').getByText('in the last 24 hours').waitFor();
  await page.getByRole('button', { name: '1 hour' }).click();
});

await step('an account that its provider refuses is named, with the way to it', async () => {
  made = await connect('Toptan', '104777');
  const answer = await deniz.api('POST', `/channel-accounts/${made.id}/check`);
  assert.equal(answer.body.error.code, 'account_disconnected');
  await says('1 thing needs you');
  await sign('Toptan on WhatsApp is refused by its provider').getByText('put in a new token').waitFor();
  await main.getByRole('row').filter({ hasText: 'Toptan' }).getByText('Disconnected').waitFor();
  await sign('Toptan').getByRole('button', { name: 'Open the account' }).click();
  await page.getByRole('heading', { name: 'Toptan', level: 1 }).waitFor();
  await page.goBack();
  await says('1 thing needs you');
});

await step('messages for a number that is not here are kept, and arrive when it is connected and they are replayed', async () => {
  assert.equal(await webhook('104778', hello('wamid.ops1', 'Kimse var mı?')), 200);
  await says('2 things need you');
  await sign('Messages come for an account that is not here').getByRole('button', { name: 'Show them' }).click();
  await becomes('the events have the focus', async () => (await focused(page)).startsWith('section'), true);
  const unrouted = main.getByRole('region', { name: 'Events of accounts that are not here' }).last();
  await unrouted.getByRole('cell', { name: 'WhatsApp …4778', exact: true }).waitFor();
  await unrouted.getByRole('button', { name: /^Replay WhatsApp/ }).click();
  await deniz.toast('None could be replayed: connect the account first').waitFor();
  await connect('Perakende', '104778');
  await unrouted.getByRole('button', { name: /^Replay WhatsApp/ }).click();
  await deniz.toast('Replayed 1 event').waitFor();
  await unrouted.waitFor({ state: 'hidden' });
  await until('the message is in the inbox', async () => (await deniz.ask('GET', '/conversations?view=all&q=Nehir')).items.some((c) => c.preview.text === 'Kimse var mı?'));
  const trail = (await deniz.ask('GET', '/audit')).items;
  assert.ok(trail.some((e) => e.action === 'event.replayed' && e.details.events === 1), 'a replay leaves a trace');
});

await step('mended, all is well again', async () => {
  await deniz.ask('POST', `/channel-accounts/${made.id}/disable`);
  await says('All is well');
});

await step('a webhook that cannot be read is put aside, with its reason and the command', async () => {
  assert.equal(await webhook('104778', { messages: 'not a list' }), 200);
  await says('1 thing needs you');
  await sign('1 event is put aside').getByRole('button', { name: 'Show them' }).click();
  const aside = main.getByRole('region', { name: 'Events put aside' }).last();
  await aside.getByRole('cell', { name: 'Perakende · WhatsApp', exact: true }).waitFor();
  assert.match(await aside.locator('td.why').innerText(), /malformed/);
  await main.getByText(/^gatehouse replay [0-9a-f-]{36}$/).waitFor();
  assert.equal(await tile('Events put aside').first().locator('.big').innerText(), '1');
});

await step('what is refused is said where it is seen, however far one has scrolled', async () => {
  const aside = main.getByRole('region', { name: 'Events put aside' }).last();
  await excusing([/ops\/dismiss/], async () => {
    await page.route('**/api/v1/ops/dismiss', (route) => route.abort());
    const dismiss = aside.getByRole('button', { name: /^Dismiss Perakende/ });
    await dismiss.evaluate((e) => e.scrollIntoView({ block: 'start' }));
    await dismiss.click();
    const refusal = main.getByRole('alert');
    await refusal.waitFor();
    const [said, head] = [await refusal.boundingBox(), await main.getByRole('heading', { level: 1 }).boundingBox()];
    assert.ok(said.y > head.y && said.y < 200, `said at ${said.y}, under the heading at ${head.y}`);
    await page.unroute('**/api/v1/ops/dismiss');
  });
});

await step('without an answer it says so, keeps what it knew, and goes on by itself', async () => {
  await excusing([/ops\/vitals/], async () => {
    await page.route('**/api/v1/ops/vitals**', (route) => route.abort());
    await says('The desk does not answer');
    await main.getByText(/^figures from \d\d:\d\d$/).waitFor();
    assert.equal(await tile('Events put aside').first().locator('.big').innerText(), '1');
    await page.unroute('**/api/v1/ops/vitals**');
    await main.getByRole('button', { name: 'Try again' }).click();
    await says('1 thing needs you');
  });
});

await step('what nothing will mend is dismissed, and all is well', async () => {
  const aside = main.getByRole('region', { name: 'Events put aside' }).last();
  await aside.getByRole('button', { name: /^Dismiss Perakende/ }).click();
  await deniz.toast('Dismissed 1 event').waitFor();
  await says('All is well');
  assert.ok((await deniz.ask('GET', '/audit')).items.some((e) => e.action === 'event.dismissed'), 'it leaves a trace');
});

await step('who is no admin does not see it', async () => {
  const merve = await colleague('merve');
  await merve.page.goto('/ops');
  await merve.page.getByText('Your role cannot open this page.').waitFor();
  assert.equal((await merve.api('GET', '/ops/vitals')).status, 403);
  await merve.context.close();
});

await done();
