// A customer's phone on the demo page, played by hand. For crowds there is customer(), which asks the page's own API.
import assert from 'node:assert/strict';
import { DESK, enter, escape, tab } from './stage.mjs';

export class Phone {
  constructor(page, kind) {
    this.page = page;
    this.el = page.locator(`section#${kind}`);
  }

  /** Opens the demo page and holds the phone of `name`. */
  static async of(name, kind = 'whatsapp') {
    const page = await tab(await enter(), `phone of ${name}`);
    await page.goto('/demo/');
    const phone = new Phone(page, kind);
    const option = phone.el.getByLabel('Person on this phone').locator('option').filter({ hasText: name }); // “(2)” may follow: unread
    await phone.el.getByLabel('Person on this phone').selectOption(await option.getAttribute('value'));
    await page.getByRole('region', { name: new RegExp(`phone of ${escape(name)}$`) }).waitFor();
    return phone;
  }

  get box() { return this.el.getByRole('textbox', { name: /^Message to / }); }
  message(text) { return this.el.getByRole('article').filter({ hasText: text }); }
  button(name) { return this.el.getByRole('button', { name, exact: true }); }

  async write(text) {
    await this.box.fill(text);
    await this.box.press('Enter');
  }
  sees(text) { return this.message(text).waitFor(); }
  async lock() { await this.button('Lock').click(); }
  async unlock() { await this.button('Unlock').click(); }

  /** The test's clock: moves everybody's time forward. */
  async aDayLater() {
    await this.page.getByRole('button', { name: '+24 h' }).click();
    await this.page.getByText(/^moved by /).waitFor();
  }
}

async function demo(method, path, body) {
  const answer = await fetch(`${DESK}/demo/api/${path}`, { method, headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** A customer without a screen. WhatsApp by number ("905550000001"), Instagram by user name. */
export async function customer(name, address) {
  const who = /^\d+$/.test(address) ? { kind: 'whatsapp', phone: `+${address}` } : { kind: 'instagram', username: address };
  const person = await demo('POST', 'people', { name, ...who });
  const act = async (action) => (await demo('POST', `people/${encodeURIComponent(person.id)}/actions`, action))?.id;
  return {
    name, person, act,
    write: (text) => act({ do: 'text', text }),
    sample: (sample, text) => act({ do: 'sample', sample, text }),
    file: async (bytes, type, filename, caption = '') => {
      const q = new URLSearchParams({ filename, caption });
      const answer = await fetch(`${DESK}/demo/api/people/${encodeURIComponent(person.id)}/files?${q}`, { method: 'POST', headers: { 'Content-Type': type }, body: bytes });
      assert.ok(answer.ok, `file: ${answer.status} ${await answer.text()}`);
    },
    /** The chat as the phone has it, oldest first. */
    messages: async () => {
      const all = await demo('GET', 'changes?since=0');
      return all.threads.filter((t) => t.person === person.id).flatMap((t) => t.messages);
    },
  };
}
