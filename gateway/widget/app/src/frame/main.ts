/**
 * The page inside the frame: header, log, composer. It speaks to the page around it only over the port that a page of an
 * allowed origin hands it, and keeps the visitor's token to itself.
 */
import './style.css';
import { language, region, type Greeting, type Look, type Shades, type ToFrame, type ToPage } from '../shared';
import { ChatStore } from './chat';
import { h, icon, makeRows } from './dom';
import type { Item } from './link';
import { logRows } from './log';
import { fill, words } from './words';

const look = JSON.parse(document.body.dataset.look!) as Look;
const origins = document.body.dataset.origins!.split(' ');
const page = document.documentElement;

let port: MessagePort | undefined;
let open = parent === window; // alone in a tab, the chat is simply there
let asked = '';
let toldUnread = 0;
const post = (m: ToPage) => port?.postMessage(m);
const locale = () => language(look, asked);
const w = () => words[locale()];

// --- colours -----------------------------------------------------------------------------------------------------------

const dark = matchMedia('(prefers-color-scheme: dark)');
function paint() {
  const night = look.theme === 'dark' || (look.theme === 'auto' && dark.matches);
  const shades: Shades = look.colors[night ? 'dark' : 'light'];
  page.dataset.theme = night ? 'dark' : 'light';
  const all = { brand: look.colors.brand, on_brand: look.colors.on_brand, ...shades };
  for (const [k, v] of Object.entries(all)) page.style.setProperty(`--${k.replace(/_/g, '-')}`, v);
}
dark.addEventListener('change', paint);
paint();

// --- the parts ---------------------------------------------------------------------------------------------------------

const head = h('header', {});
const banner = h('div', { class: 'banner', role: 'status' });
const rows = h('div', { class: 'rows' });
const log = h('div', { class: 'log', role: 'log', 'aria-live': 'off', tabindex: 0 }, rows);
const jump = h('button', { class: 'jump', onclick: () => toEnd() }, icon('down'));
const heard = h('div', { class: 'sr', role: 'status' });
const box = h('textarea', { rows: 1, enterkeyhint: 'send', dir: 'auto', 'aria-describedby': 'over' });
const over = h('span', { class: 'over', id: 'over' });
const pick = h('input', { type: 'file', class: 'sr', tabindex: -1, 'aria-hidden': 'true', accept: look.accept.join() });
const attach = h('button', { class: 'ib', type: 'button', onclick: () => pick.click() }, icon('attach'));
const send = h('button', { class: 'ib go', type: 'submit' }, icon('send'));
const form = h('form', { onsubmit: submit }, over, box, pick, attach, send);
const anew = h('button', { class: 'btn', onclick: () => store.startAnew() });
const foot = h('footer', {});
const powered = h('div', { class: 'pw' });
document.body.append(head, banner, h('main', {}, log, jump), foot, powered, heard);
const drawRows = makeRows(rows);

const store = new ChatStore(look, new URL('.', location.href).href, schedule, listen, () => post({ type: 'started' }));
box.value = store.draft;

// --- drawing -----------------------------------------------------------------------------------------------------------

let due = false;
function schedule() {
  if (due) return;
  due = true;
  queueMicrotask(() => {
    due = false;
    draw();
  });
}

let headSays = '';
function draw() {
  const s = store.state;
  const t = w();
  page.lang = locale();

  const agent = s.chat.agent;
  const says = JSON.stringify([agent, locale()]);
  if (says !== headSays) {
    headSays = says;
    const name = agent?.name || look.title;
    const sub = agent?.name ? look.title + (agent.online ? ` · ${t.online}` : '') : look.subtitle;
    head.replaceChildren(
      ...(agent?.name ? [h('span', { class: 'av', 'aria-hidden': 'true' }, initials(agent.name), agent.online && h('i', { class: 'on' }))] : []),
      h('div', { class: 'sp' }, h('h1', {}, name), ...(sub ? [h('div', {}, sub)] : [])),
      ...(parent === window ? [] : [h('button', { class: 'ib', 'aria-label': t.shut, onclick: () => post({ type: 'close' }) }, icon('down'))]),
    );
    log.setAttribute('aria-label', fill(t.log, name));
  }

  const trouble = s.link === 'gone' ? t.off : s.link === 'lost' ? t.lost : '';
  if (banner.textContent !== trouble) banner.textContent = trouble;
  banner.hidden = !trouble;

  const pinned = atEnd();
  const before = log.scrollHeight;
  const top = rows.firstElementChild;
  drawRows(logRows(store, look, { w: t, locale: region(locale()), leave: () => log.focus() }));
  if (pinned) toEnd();
  else if (rows.firstElementChild !== top) log.scrollTop += log.scrollHeight - before; // older ones came above
  jump.setAttribute('aria-label', t.newer);

  const closed = s.chat.state === 'ended' && !s.anew && !s.outbox.length && !s.uploads.length;
  const part = closed ? anew : form;
  if (foot.firstElementChild !== part) {
    const focused = foot.contains(document.activeElement);
    foot.replaceChildren(part);
    if (focused) focus();
  }
  foot.hidden = s.link === 'gone'; // nothing written now would arrive
  anew.textContent = t.again;
  box.placeholder = t.write;
  box.setAttribute('aria-label', t.write);
  attach.setAttribute('aria-label', t.attach);
  send.setAttribute('aria-label', t.send);
  powered.textContent = t.powered;
  measure();
  watched();
}

const initials = (name: string) => name.split(/\s+/, 2).map((p) => [...p][0]?.toLocaleUpperCase(locale())).join('');

// --- reading -----------------------------------------------------------------------------------------------------------

function atEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}
function toEnd() {
  log.scrollTop = log.scrollHeight;
}

/** What is on the screen was seen; what is not is counted. */
function watched() {
  if (!store.state.ready) return;
  jump.hidden = atEnd();
  if (open && document.visibilityState === 'visible' && atEnd()) store.seen();
  if (store.state.unread !== toldUnread) tellUnread();
}
function tellUnread() {
  const last = store.state.items.findLast((i) => i.sent_at);
  post({ type: 'unread', count: (toldUnread = store.state.unread), name: last?.name || look.title });
}
log.addEventListener('scroll', () => {
  watched();
  if (log.scrollTop < 80) store.older();
});
document.addEventListener('visibilitychange', watched);
const grown = new ResizeObserver(() => {
  if (jump.hidden) toEnd(); // a picture came, or the keyboard, or the frame was opened: the end stays in sight
  watched();
});
grown.observe(log);
grown.observe(rows);

/** Says aloud what somebody else wrote; of several that come together the newest. */
let latest: Item | undefined;
function listen(i: Item) {
  post({ type: 'message', name: i.name || look.title });
  if (!latest) {
    setTimeout(() => {
      heard.textContent = `${latest!.name || look.title}: ${(latest!.text || w().file).slice(0, 150)}`;
      latest = undefined;
    }, 1e3);
  }
  latest = i;
}

// --- writing -----------------------------------------------------------------------------------------------------------

function measure() {
  box.style.height = 'auto';
  box.style.height = `${Math.min(box.scrollHeight, 132)}px`;
  const excess = [...box.value].length - look.text_limit;
  over.textContent = excess > 0 ? fill(w().tooLong, excess) : '';
  box.setAttribute('aria-invalid', `${excess > 0}`);
  send.disabled = excess > 0;
}

function submit(e: Event) {
  e.preventDefault();
  const text = box.value.trim();
  box.focus();
  if (!text || send.disabled) return;
  box.value = store.draft = '';
  toEnd();
  store.write(text);
  toEnd();
}

function files(list?: FileList | null) {
  for (const f of list ?? []) void store.upload(f);
  return !!list?.length;
}

box.addEventListener('input', () => {
  store.draft = box.value;
  if (box.value.trim()) store.typed();
  measure();
});
box.addEventListener('keydown', (e) => {
  // Where there is no keyboard, Enter makes lines and the button sends.
  if (e.key !== 'Enter' || e.shiftKey || e.isComposing || matchMedia('(pointer: coarse)').matches) return;
  submit(e);
});
box.addEventListener('paste', (e) => files(e.clipboardData?.files) && e.preventDefault());
pick.addEventListener('change', () => {
  files(pick.files);
  pick.value = '';
  box.focus();
});
addEventListener('dragover', (e) => e.preventDefault());
addEventListener('drop', (e) => {
  e.preventDefault();
  files(e.dataTransfer?.files);
});
addEventListener('keydown', (e) => e.key === 'Escape' && !e.isComposing && post({ type: 'close' }));

// --- the page around ---------------------------------------------------------------------------------------------------

function show(on: boolean) {
  open = on;
  if (on) focus();
  watched();
}

function focus() {
  (foot.firstElementChild === form ? box : anew).focus();
}

addEventListener('message', (e: MessageEvent<Greeting>) => {
  if (e.source !== parent || !origins.includes(e.origin) || e.data?.gatehouse !== 1 || !e.ports[0]) return;
  port = e.ports[0];
  port.onmessage = (m: MessageEvent<ToFrame>) => {
    const d = m.data;
    if (d.type === 'open' || d.type === 'close') show(d.type === 'open');
    if (d.type === 'name') store.name = d.name;
    if (d.type === 'locale') asked = d.locale;
    store.locale = locale();
    schedule();
  };
  const hello = e.data;
  asked = hello.locale;
  store.page = hello.page;
  store.name = hello.name;
  store.locale = locale();
  if (store.token) post({ type: 'started' });
  if (store.state.ready) tellUnread();
  draw();
  if (hello.open) show(true);
});
store.locale = locale();
draw();
