// An agent at the inbox, by what a person sees: roles and names, no classes where there is a role.
import assert from 'node:assert/strict';
import { DESK, EMAIL, PASSWORD, becomes, enter, escape, tab, until } from './stage.mjs';

export class Agent {
  constructor(context, page, email, password) {
    Object.assign(this, { context, page, email, password });
  }

  /** A browser with the sign-in page. */
  static async arrive(email = EMAIL, password = PASSWORD, options) {
    const context = await enter(options);
    return new Agent(context, await tab(context, email.split('@')[0]), email, password);
  }

  /** Signed in by the form, as people do. */
  static async at(email, password, options) {
    const agent = await Agent.arrive(email, password, options);
    await agent.page.goto('/');
    await agent.signIn();
    return agent;
  }

  async signIn(password = this.password) {
    await this.page.getByLabel('E-mail').fill(this.email);
    await this.page.getByLabel('Password', { exact: true }).fill(password);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.page.getByRole('navigation', { name: 'Main' }).waitFor();
  }

  /** The same person's second tab. */
  async secondTab(path = '/') {
    const page = await tab(this.context, `${this.email.split('@')[0]} second tab`);
    await page.goto(path);
    await page.getByRole('navigation', { name: 'Main' }).waitFor();
    return new Agent(this.context, page, this.email, this.password);
  }

  get presence() { return this.page.getByRole('button', { name: /Change presence$/ }); }
  get views() { return this.page.getByRole('navigation', { name: 'Views' }); }
  get list() { return this.page.getByRole('region', { name: 'Conversations', exact: true }); }
  get log() { return this.page.getByRole('log'); }
  get composer() { return this.page.locator('#composer'); }
  get box() { return this.page.getByRole('textbox', { name: /^Reply to / }); }
  get dialog() { return this.page.getByRole('dialog'); }

  row(name) { return this.list.getByRole('option', { name: new RegExp(`^${escape(name)},`) }); }
  thread(name) { return this.page.getByRole('region', { name: `Conversation with ${name}` }); }
  message(text) { return this.log.getByRole('article').filter({ hasText: text }); }
  /** How the message stands: Waiting, Sending, Sent, Delivered, Read, … */
  async status(text) { return (await this.message(text).locator('.meta [role=img]').getAttribute('aria-label')) ?? ''; }
  button(name) { return this.page.getByRole('button', { name, exact: true }); }
  toast(text) { return this.page.locator('.toasts').getByText(text); }
  said(text) { return this.log.getByText(text); }

  /** The pointer leaves the list, which stands still under it. */
  async rest() { await this.page.mouse.move(900, 4); }

  async goTo(view) {
    await this.views.getByRole('link', { name: new RegExp(`^${view}\\b`) }).click();
    await this.page.getByRole('heading', { name: view, level: 1, exact: true }).waitFor();
    await this.rest();
  }

  async be(presence) {
    await this.presence.click();
    await this.page.getByRole('menuitem', { name: new RegExp(`^${presence}`) }).click();
    await this.page.getByRole('button', { name: new RegExp(`^${presence}.*Change presence$`) }).waitFor();
    await this.rest();
  }

  async open(name) {
    await this.row(name).click();
    await this.thread(name).waitFor();
    const id = await this.thread(name).getAttribute('data-thread');
    await until('the address says so', () => this.page.url().includes(id)); // it follows what is seen
    await this.rest();
  }

  async write(text) {
    await this.box.fill(text);
    await this.box.press('Enter');
  }

  /** The texts of the thread's messages, in order, without time and status. */
  async texts() { return this.log.locator('article .text').evaluateAll((all) => all.map((p) => [...p.childNodes].filter((n) => !n.classList?.contains('meta')).map((n) => n.textContent).join('').trim())); }

  async end(name, reason) {
    await this.thread(name).getByRole('button', { name: 'End', exact: true }).click();
    await this.dialog.getByRole('radio', { name: reason }).check();
    await this.dialog.getByRole('button', { name: 'End conversation' }).click();
    await this.dialog.waitFor({ state: 'hidden' });
    await this.rest();
  }

  /** A request as the page makes it: its cookie, its origin, its token. One that comes too often is made again, when it may. */
  async api(method, path, body, headers = {}) {
    const asks = async (how, where, options) => {
      let answer;
      await until(`the desk takes ${how} ${where}`, async () => {
        answer = await this.context.request.fetch(`/api/v1${where}`, { method: how, ...options });
        return answer.status() !== 429;
      });
      return answer;
    };
    let token = '';
    if (method !== 'GET') {
      const me = await asks('GET', '/me');
      token = me.ok() ? (await me.json()).csrf : '';
    }
    const answer = await asks(method, path, { data: body, headers: { Origin: DESK, 'X-CSRF-Token': token, ...headers } });
    const text = await answer.text();
    return { status: answer.status(), body: text && JSON.parse(text) };
  }

  /** The same, where anything but success is a mistake of the test. */
  async ask(method, path, body) {
    const answer = await this.api(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async rows() { return this.list.getByRole('option').evaluateAll((all) => all.map((r) => r.getAttribute('aria-label').split(',')[0])); }
  showsRows(names, what = 'the rows of the list') { return becomes(what, () => this.rows(), names); }
}

/** A colleague of the seeded desk: they share the password. */
export const colleague = (name, options) => Agent.at(`${name}@maviev.example`, PASSWORD, options);
