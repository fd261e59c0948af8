// The whole story on WhatsApp: phone → routed → answered → read → the window shuts → template → the window opens →
// ended → history → taken up again.
import assert from 'node:assert/strict';
import { becomes, done, step, until } from './stage.mjs';
import { Agent } from './desk.mjs';
import { Phone } from './phone.mjs';

const ELIF = 'Elif Yıldız';
const QUESTION = 'Merhaba, dün gelen kutuda bir tabak kırık çıktı.';
const ANSWER = 'Merhaba Elif Hanım, geçmiş olsun. Fotoğrafını gönderebilir misiniz?';
let deniz, phone, conversation;

await step('an agent signs in and goes online', async () => {
  deniz = await Agent.at();
  await deniz.be('Online');
  await deniz.list.getByText('No conversations. New ones come by themselves.').waitFor();
  await deniz.showsRows([]);
});

await step('the customer writes on the phone, and it appears in Mine by itself', async () => {
  phone = await Phone.of(ELIF);
  await phone.write(QUESTION);
  await deniz.row(ELIF).waitFor();
  assert.match(await deniz.row(ELIF).getAttribute('aria-label'), /WhatsApp.*1 unread.*Destek/);
  await becomes('the tab says how many wait', () => deniz.page.title(), '(1) Mine · Gatehouse');
});

await step('it was directed to the agent, and says why', async () => {
  await deniz.open(ELIF);
  conversation = deniz.page.url().split('/').pop();
  await deniz.message(QUESTION).waitFor();
  await deniz.said('Directed to you').waitFor();
  await deniz.log.getByRole('button', { name: 'Why?' }).first().click();
  await deniz.page.getByText('You were chosen').waitFor();
  await deniz.page.keyboard.press('Escape');
});

await step('reading moves the mark, here and on the phone', async () => {
  await until('nothing is unread', async () => !/unread/.test(await deniz.row(ELIF).getAttribute('aria-label')));
  await becomes('the tab counts nothing', () => deniz.page.title(), `${ELIF} · Gatehouse`);
  await phone.message(QUESTION).getByRole('img', { name: 'read by the business' }).waitFor();
});

await step('the agent answers, and the phone shows it', async () => {
  await phone.lock();
  await deniz.write(ANSWER);
  await deniz.message(ANSWER).waitFor();
  assert.equal(await deniz.box.inputValue(), '');
  await phone.el.getByText('1 new message').waitFor();
  await becomes('delivered, not read', () => deniz.status(ANSWER), 'Delivered');
});

await step('the customer looks, and the ticks turn to read', async () => {
  await phone.unlock();
  await phone.sees(ANSWER);
  await becomes('read', () => deniz.status(ANSWER), 'Read');
});

await step('a day passes: the window shuts, and a template is what can be sent', async () => {
  assert.match(await deniz.composer.innerText(), /Window open, 23 h 5\d min left/);
  await phone.aDayLater();
  await deniz.composer.getByText('Window closed.').waitFor();
  await deniz.composer.getByRole('tab', { name: 'Template', selected: true }).waitFor();
  assert.equal(await deniz.box.count(), 0, 'there is no box for free text');
  assert.match(await deniz.row(ELIF).getAttribute('aria-label'), /window closed/);
});

await step('the API refuses free text with the reason, and nothing leaves', async () => {
  const answer = await deniz.api('POST', `/conversations/${conversation}/messages`, { text: 'Yine de yazsam?' }, { 'Idempotency-Key': 'free-text-after-a-day' });
  assert.equal(answer.status, 422);
  assert.equal(answer.body.error.code, 'window_closed');
  assert.equal(answer.body.error.message.length > 0, true);
  assert.equal(await phone.message('Yine de').count(), 0);
});

await step('the template goes out as its preview said', async () => {
  const picker = deniz.composer;
  await picker.getByRole('combobox').fill('kargoda');
  await picker.getByRole('option', { name: /siparis_kargoda TR/ }).click();
  const fill = (label, value) => picker.getByRole('textbox', { name: new RegExp(`^${label}\\b`) }).fill(value);
  const send = picker.getByRole('button', { name: 'Send template' });
  assert.equal(await picker.getByRole('textbox', { name: /^Ad\b/ }).inputValue(), ELIF, 'what is known of the contact is filled in');
  await fill('Ad', 'Elif Hanım');
  await fill('Siparis no', 'MV-20431');
  await fill('Takip no', 'YK4482910');
  await becomes('with a hole it cannot go', () => send.getAttribute('aria-disabled'), 'true');
  await fill('Kargoyu takip et', 'YK4482910');
  await becomes('without one it can', async () => (await send.getAttribute('aria-disabled')) ?? 'false', 'false');
  const text = 'Merhaba Elif Hanım, MV-20431 numaralı siparişiniz kargoya verildi. Takip numaranız: YK4482910. Bizi seçtiğiniz için teşekkürler.';
  await becomes('the preview', () => picker.locator('.prev .body').innerText(), text);
  await send.click();
  await phone.sees(text);
  assert.equal(await phone.message(text).getByText('Mavi Ev', { exact: true }).count(), 1, 'the footer');
  assert.equal(await phone.message(text).getByRole('link', { name: 'Kargoyu takip et' }).getAttribute('href'), 'https://maviev.example/kargo/YK4482910');
  await becomes('read', () => deniz.status(text), 'Read');
});

await step('the customer answers, and free text works again', async () => {
  await phone.write('Çok teşekkürler!');
  await deniz.box.waitFor();
  await deniz.message('Çok teşekkürler!').waitFor();
  await deniz.write('Rica ederim, iyi günler.');
  await phone.sees('Rica ederim, iyi günler.');
});

await step('the agent ends it with a reason', async () => {
  await deniz.end(ELIF, 'Çözüldü');
  await deniz.toast('Ended').waitFor();
  await deniz.showsRows([], 'Mine is empty');
});

await step('it is in History, with who ended it and why', async () => {
  await deniz.goTo('History');
  await deniz.open(ELIF);
  await deniz.said(/ended it: Çözüldü/).waitFor();
  assert.equal(await deniz.box.count(), 0, 'an ended conversation has no box');
  await deniz.composer.getByText('This conversation has ended.').waitFor();
});

await step('it is taken up again, with all that was said', async () => {
  await deniz.composer.getByRole('button', { name: 'Take up again' }).click();
  await deniz.box.waitFor();
  await deniz.goTo('Mine');
  await deniz.showsRows([ELIF]);
  await deniz.open(ELIF);
  const texts = await deniz.texts();
  for (const text of [QUESTION, ANSWER, 'Çok teşekkürler!', 'Rica ederim, iyi günler.']) assert.equal(texts.filter((t) => t === text).length, 1, text);
  await deniz.write('Bir şey daha: kupon kodunuz hazır.');
  await phone.sees('Bir şey daha: kupon kodunuz hazır.');
});

await done();
