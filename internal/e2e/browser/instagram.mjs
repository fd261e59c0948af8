// Instagram in short: after a day a person may still answer, marked as one, for seven days; then nobody may.
import assert from 'node:assert/strict';
import { becomes, done, step } from './stage.mjs';
import { Agent } from './desk.mjs';
import { Phone } from './phone.mjs';

const JAMES = 'James Okafor';
let deniz, phone, conversation;

await step('a message on Instagram is answered and seen', async () => {
  deniz = await Agent.at();
  await deniz.be('Online');
  phone = await Phone.of(JAMES, 'instagram');
  await phone.write('Is the navy bowl back in stock?');
  await deniz.open(JAMES);
  conversation = deniz.page.url().split('/').pop();
  await deniz.write('Yes, since this morning.');
  await phone.sees('Yes, since this morning.');
  await becomes('seen', () => deniz.status('Yes, since this morning.'), 'Read');
});

await step('after a day a person may still answer, and is told until when', async () => {
  await phone.aDayLater();
  await deniz.composer.getByText(/24 hours passed\. A person may still answer for (6 d|5 d 23 h)/).waitFor();
  assert.match(await deniz.row(JAMES).getAttribute('aria-label'), /person only/);
  await deniz.write('I kept two of them for you.');
  await phone.sees('I kept two of them for you.');
});

await step('seven days after the message nobody may', async () => {
  for (let day = 2; day <= 7; day++) await phone.aDayLater();
  await deniz.composer.getByText('Window closed.').waitFor();
  assert.equal(await deniz.box.count(), 0);
  const answer = await deniz.api('POST', `/conversations/${conversation}/messages`, { text: 'Hello?' }, { 'Idempotency-Key': 'after-seven-days' });
  assert.equal(answer.status, 422);
  assert.equal(answer.body.error.code, 'window_closed');
});

await step('the customer writes, and everybody may write again', async () => {
  await phone.write('Sorry, I was away. I take both.');
  await deniz.box.waitFor();
  await deniz.write('They are on their way.');
  await phone.sees('They are on their way.');
});

await done();
