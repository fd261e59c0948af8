// Who gets in: the first admin by the one-time link, errors of the sign-in in words, a first password that must be changed,
// and what a role does not see.
import assert from 'node:assert/strict';
import { DESK, becomes, done, step } from './stage.mjs';
import { Agent } from './desk.mjs';

const { SETUP } = process.env;
const ADA = { name: 'Ada Kaya', email: 'ada@shop.example', password: 'correct horse battery' };
const CAN = { name: 'Can Er', email: 'can@shop.example', first: 'first-password-1', own: 'a password of my own' };
let ada, can;

const field = (page, name) => page.getByRole('main').getByLabel(name, { exact: true });
const said = (page, text) => page.getByRole('main').getByText(text, { exact: true }).waitFor();
const submit = (page, name) => page.getByRole('button', { name, exact: true }).click();

await step('a desk that nobody has set up sends strangers to the sign-in page', async () => {
  ada = await Agent.arrive(ADA.email, ADA.password);
  await ada.page.goto('/inbox/mine');
  await ada.page.waitForURL('**/sign-in?to=**');
  await submit(ada.page, 'Sign in');
  await becomes('both fields ask to be filled in', () => ada.page.getByText('Fill this in.').count(), 2);
  await field(ada.page, 'E-mail').fill(ADA.email);
  await field(ada.page, 'Password').fill('guess');
  await submit(ada.page, 'Sign in');
  await said(ada.page, 'E-mail or password is wrong.');
  assert.equal(await field(ada.page, 'E-mail').inputValue(), ADA.email, 'what was entered is kept');
});

await step('the setup link makes the first admin', async () => {
  assert.match(SETUP, /\/setup\/./);
  await ada.page.goto(SETUP);
  await ada.page.getByRole('heading', { name: 'Set up Gatehouse' }).waitFor();
  await field(ada.page, 'Name').fill(ADA.name);
  await field(ada.page, 'E-mail').fill('not an address');
  await field(ada.page, 'Password').fill('short');
  await submit(ada.page, 'Create the desk');
  await ada.page.getByText('An e-mail address, for example ad@ornek.com.').waitFor();
  assert.equal(await ada.page.locator('[aria-invalid=true]').count(), 2);
  await field(ada.page, 'E-mail').fill(ADA.email);
  await field(ada.page, 'Password').fill(ADA.password);
  await submit(ada.page, 'Create the desk');
  await ada.page.getByText('No channel is connected.').waitFor();
  await ada.page.getByRole('button', { name: 'Connect a channel' }).waitFor();
});

await step('the link works once', async () => {
  const late = await Agent.arrive();
  await late.page.goto(SETUP);
  await said(late.page, 'This link is no longer good');
  await submit(late.page, 'Sign in');
  await late.page.waitForURL('**/sign-in');
  await late.context.close();
});

await step('the admin makes an agent with a first password', async () => {
  await ada.page.goto('/console/departments');
  await submit(ada.page, 'Add department');
  const drawer = ada.page.getByRole('complementary', { name: 'Add department' });
  await drawer.getByLabel('Department', { exact: true }).fill('Returns');
  await drawer.getByRole('button', { name: 'Save' }).click();
  await ada.toast('Saved Returns').waitFor();
  await ada.page.goto('/console/agents');
  await submit(ada.page, 'Add agent');
  const form = ada.page.getByRole('complementary', { name: 'Add agent' });
  await form.getByLabel('Name', { exact: true }).fill(CAN.name);
  await form.getByLabel('E-mail').fill(CAN.email);
  await form.getByLabel('First password').fill(CAN.first);
  await form.getByRole('checkbox', { name: 'Returns' }).check();
  await form.getByRole('button', { name: 'Save' }).click();
  await ada.toast('Added Can Er').waitFor();
  await ada.page.getByRole('link', { name: /Can Er/ }).waitFor();
});

await step('who has a first password changes it before anything else', async () => {
  can = await Agent.arrive(CAN.email, CAN.first);
  await can.page.goto('/');
  await field(can.page, 'E-mail').fill(CAN.email);
  await field(can.page, 'Password').fill(CAN.first);
  await submit(can.page, 'Sign in');
  await said(can.page, 'Choose your password');
  await can.page.goto('/inbox/all');
  await said(can.page, 'Choose your password');
  const refused = await can.api('GET', '/conversations');
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'password_change']);

  await field(can.page, 'Current password').fill(CAN.first);
  await field(can.page, 'New password').fill('short');
  await field(can.page, 'New password again').fill('else');
  await submit(can.page, 'Change password');
  await said(can.page, 'The two do not match.');
  await field(can.page, 'New password').fill(CAN.first);
  await field(can.page, 'New password again').fill(CAN.first);
  await submit(can.page, 'Change password');
  await can.page.getByRole('main').getByRole('alert').waitFor(); // the same again is no change
  await field(can.page, 'Current password').fill(CAN.first);
  await field(can.page, 'New password').fill(CAN.own);
  await field(can.page, 'New password again').fill(CAN.own);
  await submit(can.page, 'Change password');
  await can.page.getByRole('navigation', { name: 'Views' }).waitFor();
  await can.page.waitForURL('**/inbox/mine');
});

await step('an agent sees no console but canned replies of their own', async () => {
  await can.page.getByRole('link', { name: 'Console' }).click();
  await can.page.getByRole('heading', { name: 'Canned replies', level: 1 }).waitFor();
  const pages = await can.page.locator('a[href^="/console/"]').evaluateAll((all) => [...new Set(all.map((a) => a.getAttribute('href')))]);
  assert.deepEqual(pages, ['/console/canned-replies']);
  for (const page of ['agents', 'accounts', 'departments', 'end-reasons', 'break-reasons', 'api-keys', 'audit']) {
    await can.page.goto(`/console/${page}`);
    await said(can.page, 'Your role cannot open this page.');
  }
  const tries = [
    ['POST', '/agents', {}], ['POST', '/departments', { name: 'x' }], ['POST', '/channel-accounts', {}], ['POST', '/end-reasons', { label: 'x' }],
    ['GET', '/api-keys'], ['GET', '/audit'], ['POST', '/api-keys', { name: 'x', role: 'admin', scopes: [] }],
  ];
  for (const [method, path, body] of tries) assert.equal((await can.api(method, path, body)).status, 403, `${method} ${path}`);
});

await step('a request from another site, or without the token, changes nothing', async () => {
  for (const headers of [{ Origin: 'http://evil.example' }, { 'X-CSRF-Token': 'guess' }, { 'X-CSRF-Token': '' }]) {
    const answer = await can.api('PUT', '/me/presence', { presence: 'online' }, headers);
    assert.equal(answer.status, 403, JSON.stringify(headers));
  }
  assert.equal((await can.ask('GET', '/me')).presence, 'offline');
});

await step('a disabled agent is out at once', async () => {
  await ada.page.reload();
  await ada.page.getByRole('button', { name: 'Actions for Can Er' }).click();
  await ada.page.getByRole('menuitem', { name: 'Disable' }).click();
  await ada.toast('Disabled Can Er').waitFor();
  await can.dialog.getByText('You are signed out', { exact: true }).waitFor();
  assert.equal((await can.api('GET', '/me')).status, 401);
});

await step('guessing is slowed down, and says so', async () => {
  const guesser = await Agent.arrive(ADA.email, 'guess');
  await guesser.page.goto('/sign-in');
  await field(guesser.page, 'E-mail').fill(ADA.email);
  await becomes('after some tries', async () => {
    await field(guesser.page, 'Password').fill('another guess');
    await submit(guesser.page, 'Sign in');
    await guesser.page.getByRole('button', { name: 'Sign in' }).and(guesser.page.locator(':not([aria-disabled])')).waitFor();
    return guesser.page.getByRole('main').getByText(/Too many requests/).count();
  }, 1);
});

await step('signing out leaves nothing behind', async () => {
  await ada.presence.click();
  await ada.page.getByRole('menuitem', { name: 'Sign out' }).click();
  await ada.page.waitForURL('**/sign-in**');
  await ada.page.goto('/console/agents');
  await ada.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal((await ada.context.request.get(`${DESK}/api/v1/agents`)).status(), 401);
});

await done();
