// One phone: who holds it, which business it talks to, the chat, the composer, the lock screen.
import { avatar, badge, h, icon, iconButton } from './dom.js';
import { bubble, summary } from './bubble.js';
import { openForm, openMenu } from './menu.js';
import { act, ask, now, state, subscribe, thread } from './store.js';
import { language, t } from './words.js';

const emojis = { whatsapp: ['👍', '❤️', '😂', '😮', '😢', '🙏'], instagram: ['❤️', '😂', '😮', '😢', '😠', '👍'] };
const hourMinute = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const longDay = new Intl.DateTimeFormat(language, { weekday: 'long', day: 'numeric', month: 'long' });
const dayKey = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short' });

export class Phone {
  constructor(kind) {
    this.kind = kind;
    this.person = localStorage.getItem(`phone.${kind}`) ?? '';
    this.account = '';
    this.replyTo = '';
    this.editing = '';
    this.locked = false;
    this.shown = ''; // key of the thread on the screen
    this.drafts = new Map();
    this.build();
    subscribe((c) => this.update(c));
    setInterval(() => {
      if (this.dotsEl?.isConnected && this.chat.typingUntil <= Date.now()) this.redraw();
      this.tick();
    }, 1000);
    document.addEventListener('visibilitychange', () => this.look());
  }

  get key() { return `${this.account}|${this.person}`; }

  get chat() { return thread(this.account, this.person); }

  get business() { return state.accounts.find((a) => this.idOf(a) === this.account); }

  idOf(a) { return a.kind === 'instagram' ? a.instagram_id : a.phone_number_id; }

  people() { return [...state.people.values()].filter((p) => p.kind === this.kind); }

  accounts() { return state.accounts.filter((a) => a.kind === this.kind); }

  // visible are the messages that have reached the screen, in the order of their arrival.
  visible(chat = this.chat) {
    return [...chat.messages.values()].filter((m) => !m.from_business || this.kind === 'instagram' || ['delivered', 'read', 'played'].includes(m.status));
  }

  unread(person) {
    let n = 0;
    for (const a of this.accounts()) {
      for (const m of this.visible(thread(this.idOf(a), person))) if (m.from_business && !m.from_app && !['read', 'played'].includes(m.status)) n += 1;
    }
    return n;
  }

  build() {
    const id = `who-${this.kind}`;
    this.who = h('select', { id, onchange: () => this.choose(this.who.value) });
    this.flight = this.toggle('plane', 'offline', 'offlineTip', (p) => p.offline, (on) => ({ offline: on }));
    this.receipts = this.toggle('eye', 'receipts', 'receiptsTip', (p) => !p.no_receipts, (on) => ({ no_receipts: !on }));
    this.lockButton = h('button', { type: 'button', class: 'tg', 'aria-pressed': 'false', onclick: () => this.lock(!this.locked) }, icon('lock', 's'), h('span', {}, t('lock')));
    this.time = h('span', { class: 'num' });
    this.sky = h('span', { class: 'sky' });
    this.face = h('span', { class: 'face' });
    this.title = h('h2', { class: 'ell' });
    this.sub = h('p', { class: 'ell' });
    this.accountPick = h('select', { 'aria-label': t('account'), onchange: () => { this.account = this.accountPick.value; this.redraw(); this.look(); } });
    this.atEnd = true;
    this.log = h('div', { class: 'log', role: 'log', 'aria-live': 'off', tabindex: '0', onscroll: () => { this.atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80; } });
    new ResizeObserver(() => this.toEnd(this.atEnd)).observe(this.log);
    this.says = h('p', { class: 'sr', role: 'status' });
    this.chip = h('div', { class: 'replying', hidden: true });
    this.box = h('textarea', {
      rows: '1', placeholder: t('placeholder'), dir: 'auto', maxlength: '4000',
      oninput: () => this.grow(),
      onkeydown: (e) => {
        if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) { e.preventDefault(); this.send(); }
        if (e.key === 'Escape' && (this.replyTo || this.editing)) { e.preventDefault(); this.about('', ''); }
      },
    });
    this.clip = iconButton('clip', t('attach'), () => this.attach());
    this.clip.setAttribute('aria-haspopup', 'menu');
    this.go = iconButton('send', t('send'), () => this.send(), 'go');
    this.file = h('input', { type: 'file', hidden: true, 'aria-label': t('file'), onchange: () => this.upload() });
    this.error = h('p', { class: 'err', role: 'alert' });
    this.window = h('p', { class: 'window' });
    this.lockTime = h('p', { class: 'lt num' });
    this.lockDay = h('p', { class: 'ld' });
    this.notice = h('div', { class: 'notice', hidden: true });
    this.lockScreen = h('div', { class: 'lockscreen', hidden: true }, this.lockTime, this.lockDay, this.notice,
      h('span', { class: 'sp' }), h('button', { type: 'button', class: 'unlock', onclick: () => this.lock(false) }, icon('lock', 's'), t('unlock')), h('p', { class: 'hint' }, t('locked')));
    this.talk = h('div', { class: 'talk' },
      h('header', { class: 'hd' }, this.face, h('div', { class: 'min0' }, this.title, this.sub), h('span', { class: 'sp' }), this.accountPick),
      this.log,
      h('div', { class: 'comp' }, this.error, this.chip, h('div', { class: 'box' }, this.clip, this.box, this.go), this.file));
    this.screen = h('div', { class: 'screen' },
      h('div', { class: 'status', 'aria-hidden': 'true' }, this.time, h('b', { class: 'isle' }, t('demo')), this.sky), this.talk, this.lockScreen);
    this.el = h('section', { class: 'phone', id: this.kind, dataset: { kind: this.kind } },
      h('div', { class: 'player' }, badge(this.kind, t(this.kind)), h('label', { for: id }, t('youAre')), this.who,
        iconButton('pen', t('rename'), () => this.rename()), iconButton('plus', t('addPerson'), () => this.addPerson())),
      h('div', { class: 'frame' }, this.screen), this.says,
      h('div', { class: 'under' }, this.window, h('div', { class: 'tgs' }, this.lockButton, this.kind === 'whatsapp' && this.flight, this.receipts)));
  }

  toggle(name, word, tip, read, write) {
    const el = h('button', {
      type: 'button', class: 'tg', 'aria-pressed': 'false', title: t(tip),
      onclick: () => this.try(() => ask('PATCH', `people/${encodeURIComponent(this.person)}`, write(el.getAttribute('aria-pressed') !== 'true'))),
    }, icon(name, 's'), h('span', {}, t(word)));
    el.refresh = (p) => el.setAttribute('aria-pressed', String(read(p)));
    return el;
  }

  // try runs a request and shows its failure on the phone.
  async try(f) {
    this.error.textContent = '';
    try { return await f(); } catch (err) {
      this.error.textContent = t('failed', { why: err.message });
      return null;
    }
  }

  act(action) { return this.try(() => act(this.person, this.account, action)); }

  choose(person) {
    this.drafts.set(this.key, this.box.value);
    this.person = person;
    localStorage.setItem(`phone.${this.kind}`, person);
    this.about('', '');
    this.redraw();
    this.look();
  }

  lock(on) {
    this.locked = on;
    this.redraw();
    (on ? this.lockScreen.querySelector('button') : this.box).focus();
    this.look();
  }

  // look reads what is on the screen, if anybody can see it.
  look() {
    const seen = !this.locked && document.visibilityState === 'visible' && this.el.offsetParent !== null;
    const p = state.people.get(this.person);
    if (!seen || !p || p.offline) return;
    const unread = this.visible().some((m) => m.from_business && !m.from_app && !['read', 'played'].includes(m.status));
    if (!unread || this.looking) return;
    this.looking = setTimeout(async () => {
      await this.act({ do: 'open' });
      this.looking = 0;
    }, 500);
  }

  update({ threads, fresh }) {
    if (!this.people().some((p) => p.id === this.person)) this.person = this.people()[0]?.id ?? '';
    if (!this.accounts().some((a) => this.idOf(a) === this.account)) this.account = this.accounts()[0] ? this.idOf(this.accounts()[0]) : '';
    if (fresh || this.shown !== this.key || threads.has(this.key)) this.redraw();
    else this.frame();
    this.look();
  }

  // frame draws everything around the messages.
  frame() {
    const p = state.people.get(this.person);
    const a = this.business;
    if (!p || !a) return;
    const options = this.people().map((x) => {
      const n = x.id === this.person ? 0 : this.unread(x.id);
      return h('option', { value: x.id }, n > 0 ? `${x.name} (${n})` : x.name);
    });
    if (options.map((o) => o.textContent).join() !== [...this.who.options].map((o) => o.textContent).join()) this.who.replaceChildren(...options);
    this.who.value = this.person;
    this.who.setAttribute('aria-label', t('person'));
    this.el.setAttribute('aria-label', t('phoneOf', { kind: t(this.kind), name: p.name }));
    const picks = this.accounts();
    this.accountPick.hidden = picks.length < 2;
    if (this.accountPick.options.length !== picks.length) this.accountPick.replaceChildren(...picks.map((x) => h('option', { value: this.idOf(x) }, x.name)));
    this.accountPick.value = this.account;
    this.face.replaceChildren(avatar(this.account, a.name), badge(this.kind, t(this.kind)));
    this.title.textContent = a.name;
    const typing = this.chat.typingUntil > Date.now();
    this.sub.textContent = typing ? t('typing') : this.kind === 'instagram' ? `@${a.username}` : grouped(a.display_phone);
    this.sub.classList.toggle('typing', typing);
    this.flight.refresh(p);
    this.receipts.refresh(p);
    this.sky.replaceChildren(p.offline ? icon('plane', 's') : h('i', { class: 'bars' }), h('i', { class: 'cell' }));
    this.box.setAttribute('aria-label', t('write', { name: a.name }));
    this.log.setAttribute('aria-label', t('phoneOf', { kind: t(this.kind), name: p.name }));
    this.lockButton.setAttribute('aria-pressed', String(this.locked));
    this.talk.toggleAttribute('inert', this.locked);
    this.lockScreen.hidden = !this.locked;
    this.drawNotice();
    this.tick();
  }

  drawNotice() {
    const waiting = this.visible().filter((m) => m.from_business && !['read', 'played'].includes(m.status));
    this.notice.hidden = waiting.length === 0;
    if (waiting.length === 0) return;
    const count = waiting.length === 1 ? t('newMessage') : t('newMessages', { n: waiting.length });
    this.notice.replaceChildren(avatar(this.account, this.business.name), h('div', { class: 'min0' }, h('b', {}, this.business.name), h('p', { class: 'ell', dir: 'auto' }, summary(waiting.at(-1))), h('small', {}, count)));
  }

  // redraw brings the messages on the screen up to date, touching only those that changed.
  redraw() {
    this.frame();
    const list = this.visible();
    const other = this.shown !== this.key;
    if (other) {
      this.log.replaceChildren();
      this.box.value = this.drafts.get(this.key) ?? '';
      this.grow();
    }
    const atEnd = other || this.atEnd;
    const drawn = new Map([...this.log.querySelectorAll('article')].map((el) => [el.dataset.id, el]));
    const chat = { business: this.business?.name ?? '', find: (id) => this.chat.messages.get(id) };
    const nodes = [];
    let day = '';
    for (const m of list) {
      const at = Date.parse(m.at);
      if (dayKey.format(at) !== day) {
        day = dayKey.format(at);
        nodes.push(h('div', { class: 'day' }, this.dayName(at)));
      }
      let el = drawn.get(m.id);
      if (!el || el.dataset.rev !== String(m.rev)) el = bubble(m, chat, this.deeds());
      nodes.push(el);
    }
    if (list.length === 0) nodes.push(h('p', { class: 'empty' }, t('empty')));
    if (this.chat.typingUntil > Date.now()) nodes.push(this.dots());
    this.sync(nodes);
    if (!other) this.announce(list.filter((m) => m.from_business && !drawn.has(m.id)));
    this.shown = this.key;
    this.toEnd(atEnd);
  }

  toEnd(really) { if (really) this.log.scrollTop = this.log.scrollHeight; }

  // sync replaces what differs and leaves the rest in place, so that a menu, a sound and the focus survive.
  sync(nodes) {
    const keep = new Set(nodes);
    for (const el of [...this.log.children]) if (!keep.has(el)) el.remove();
    nodes.forEach((el, i) => { if (this.log.children[i] !== el) this.log.insertBefore(el, this.log.children[i] ?? null); });
  }

  dots() {
    this.dotsEl ??= h('div', { class: 'm in dots' }, h('div', { class: 'bb' }, h('i'), h('i'), h('i')));
    return this.dotsEl;
  }

  announce(fresh) {
    if (fresh.length > 0) this.says.textContent = `${this.business.name}: ${summary(fresh.at(-1)).slice(0, 150)}`;
  }

  dayName(at) {
    const days = Math.round((Date.parse(dayKey.format(now())) - Date.parse(dayKey.format(at))) / 86400000);
    return days === 0 ? t('today') : days === 1 ? t('yesterday') : longDay.format(at);
  }

  // tick keeps the clocks and the window true.
  tick() {
    const n = now();
    this.time.textContent = hourMinute.format(n);
    this.lockTime.textContent = hourMinute.format(n);
    this.lockDay.textContent = longDay.format(n);
    const left = this.chat.closesAt - n;
    const human = left + 6 * 86400000;
    this.window.className = `window ${left > 0 ? 'open' : 'shut'}`;
    let text = t('windowClosed');
    if (!this.chat.closesAt) text = t('windowNever');
    else if (left > 0) text = t('windowOpen', { left: span(left) });
    else if (this.kind === 'instagram' && human > 0) text = t('humanOnly', { left: span(human) });
    if (this.window.textContent !== text) this.window.replaceChildren(icon('sand', 'xs'), h('span', {}, text));
  }

  deeds() {
    return {
      more: (m, el) => this.more(m, el),
      react: (m, emoji) => this.act({ do: 'react', message: m.id, emoji }),
      press: (m, id) => this.act({ do: 'press', message: m.id, button: id }),
      play: (m) => this.act({ do: 'play', message: m.id }),
      list: (m, el) => openMenu(el, m.list.button, m.list.sections.flatMap((s) => [
        ...(s.title ? [{ heading: s.title }] : []), ...s.rows.map((r) => ({ label: r.title, hint: r.description, run: () => this.act({ do: 'press', message: m.id, button: r.id }) })),
      ]), this.screen),
    };
  }

  more(m, el) {
    const items = [];
    if (m.from_business) {
      items.push({ row: emojis[this.kind].map((e) => ({ label: e, name: t('react', { emoji: e }), run: () => this.act({ do: 'react', message: m.id, emoji: e }) })) });
    }
    items.push({ icon: 'reply', label: t('replyTo'), run: () => this.about(m.id, '') });
    if (!m.from_business) {
      if (m.type === 'text') items.push({ icon: 'pen', label: t('editMessage'), run: () => this.about('', m.id) });
      items.push({ icon: 'trash', label: t('unsend'), run: () => this.act({ do: 'unsend', message: m.id }) });
    }
    openMenu(el, t('more'), items);
  }

  // about binds the composer to a message: a reply to it, or an edit of it.
  about(replyTo, editing) {
    this.replyTo = replyTo;
    this.editing = editing;
    const m = this.chat.messages.get(replyTo || editing);
    this.chip.hidden = !m;
    if (!m) return;
    const name = m.from_business ? this.business.name : t('you');
    this.chip.replaceChildren(icon(editing ? 'pen' : 'reply', 's'), h('span', { class: 'min0' }, h('b', {}, editing ? t('editing') : t('replyingTo', { name })), h('span', { class: 'ell', dir: 'auto' }, summary(m))),
      iconButton('x', t('dropReply'), () => { this.about('', ''); this.box.focus(); }));
    if (editing) this.box.value = m.text;
    this.grow();
    this.box.focus();
  }

  grow() {
    this.box.style.height = '';
    if (this.box.offsetParent) this.box.style.height = `${Math.min(this.box.scrollHeight, 120)}px`;
    this.go.disabled = this.box.value.trim() === '';
  }

  async send() {
    const text = this.box.value.trim();
    if (!text || !this.person) return;
    const action = this.editing ? { do: 'edit', message: this.editing, text } : { do: 'text', text, reply_to: this.replyTo };
    this.box.value = '';
    this.grow();
    this.about('', '');
    this.toEnd(true);
    if (await this.act(action) === null && this.error.textContent) this.box.value = text;
    this.grow();
  }

  attach() {
    const sample = (name) => () => this.withReply({ do: 'sample', sample: name });
    const items = [
      { icon: 'image', label: t('plate'), run: sample('plate.jpg') }, { icon: 'image', label: t('bowl'), run: sample('bowl.jpg') }, { icon: 'image', label: t('receipt'), run: sample('receipt.jpg') },
      { icon: 'mic', label: t('voice'), run: sample('voice.ogg') }, { icon: 'file', label: t('invoice'), run: sample('fatura.pdf') },
      { icon: 'pin', label: t('location'), run: () => this.withReply({ do: 'location' }) },
      { icon: 'folder', label: t('file'), run: () => this.file.click() },
    ];
    openMenu(this.clip, t('attach'), items);
  }

  withReply(action) {
    const replyTo = this.replyTo;
    this.about('', '');
    return this.act({ ...action, reply_to: replyTo });
  }

  async upload() {
    const f = this.file.files[0];
    if (!f) return;
    const q = new URLSearchParams({ account: this.account, filename: f.name, caption: this.box.value.trim(), reply_to: this.replyTo });
    this.box.value = '';
    this.about('', '');
    this.grow();
    await this.try(() => ask('POST', `people/${encodeURIComponent(this.person)}/files?${q}`, f, f.type || 'application/octet-stream'));
    this.file.value = '';
  }

  rename() {
    const p = state.people.get(this.person);
    openForm(t('rename'), { ok: t('save'), cancel: t('cancel') }, [{ name: 'name', label: t('name'), value: p.name, required: true },
      ...(this.kind === 'whatsapp' ? [{ name: 'hide_phone', label: t('hideNumber'), type: 'checkbox', value: p.hide_phone }] : [])],
    (values) => ask('PATCH', `people/${encodeURIComponent(this.person)}`, values));
  }

  addPerson() {
    const fields = this.kind === 'whatsapp'
      ? [{ name: 'phone', label: t('phone'), hint: t('phoneHint'), required: true, inputmode: 'tel' }, { name: 'username', label: t('username'), hint: t('optional') },
        { name: 'hide_phone', label: t('hideNumber'), type: 'checkbox' }]
      : [{ name: 'username', label: t('username'), required: true }];
    openForm(t('addPerson'), { ok: t('add'), cancel: t('cancel') }, [{ name: 'name', label: t('name'), required: true }, ...fields], async (values) => {
      const phone = values.phone ? `+${values.phone.replace(/\D/g, '')}` : undefined;
      const p = await ask('POST', 'people', { ...values, phone, kind: this.kind });
      state.people.set(p.id, p);
      this.choose(p.id);
    });
  }
}

// grouped writes a number in readable groups; Turkish ones as they are said.
function grouped(digits) {
  const groups = /^90\d{10}$/.test(digits) ? digits.match(/^(90)(\d{3})(\d{3})(\d{2})(\d{2})$/).slice(1) : digits.match(/\d{1,3}/g);
  return `+${groups.join(' ')}`;
}

// span is a length of time in words: "23 h 57 min".
export function span(ms) {
  const m = Math.floor(ms / 60000);
  if (m >= 24 * 60) return t('days', { d: Math.floor(m / 1440), h: Math.floor((m % 1440) / 60) });
  if (m >= 60) return t('hours', { h: Math.floor(m / 60), m: m % 60 });
  return t('minutes', { m });
}
