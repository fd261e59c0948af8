/** The log: messages, marks and what is on its way, as rows. */
import type { Look } from '../shared';
import type { ChatStore } from './chat';
import { h, icon, linked, type Row } from './dom';
import type { Item, Media } from './link';
import type { Outgoing } from './store';
import { fill, type Words } from './words';

export interface Speech {
  w: Words;
  locale: string;
  leave: () => void; // the focus, when what had it goes away
}

/** What the log shows, top to bottom. */
export function logRows(store: ChatStore, look: Look, { w, locale, leave }: Speech): Row[] {
  const s = store.state;
  const rows: Row[] = [];
  const add = (key: string, says: unknown, draw: () => HTMLElement) =>
    rows.push({ key, says: locale + JSON.stringify(says), draw });

  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  const at = (t: string) => clock.format(new Date(t));
  const bubble = (side: string, label: string, who: string | false, inner: (Node | string)[], meta: (Node | string)[]) =>
    h('article', { class: `m ${side}`, 'aria-label': label },
      who && h('div', { class: 'who', 'aria-hidden': 'true' }, who),
      h('div', { class: 'bb', dir: 'auto' }, ...inner, h('span', { class: 'meta' }, ...meta)));

  if (s.more) {
    add('older', 1, () => h('button', { class: 'btn older', onclick: () => store.older() }, w.older));
  } else if (s.ready) {
    const text = look.greeting || w.greeting;
    add('greeting', text, () => bubble('in', `${look.title}: ${text}`, look.title, [text], []));
  }

  let day = '';
  let author = '';
  const quoted = new Map(s.items.map((i) => [i.id, i]));
  for (const i of s.items) {
    const on = dayOf(i.at, locale);
    if (on !== day) {
      day = on;
      author = '';
      add(`day ${on}`, on, () => h('div', { class: 'day' }, on));
    }
    if (i.mark) {
      author = '';
      add(i.id, i, () => mark(i));
      continue;
    }
    const who = i.mine ? 'me' : i.name || look.title;
    const first = who !== author;
    author = who;
    const state = i.mine ? (i.conv !== s.chat.id || i.seq <= s.chat.read_seq ? 'read' : 'delivered') : '';
    const quote = i.reply_to ? quoted.get(i.reply_to) : undefined;
    add(i.id, [{ ...i, read: 0 }, first, state, quote?.text], () => {
      const name = i.mine ? w.you : who;
      const inner: (Node | string)[] = [];
      if (quote) {
        inner.push(h('span', { class: 'qt' }, h('b', {}, quote.mine ? w.you : quote.name || look.title), (quote.text || w.file).slice(0, 120)));
      }
      if (i.deleted) inner.push(h('i', {}, w.deleted));
      for (const m of i.media ?? []) inner.push(mediaOf(m, fill(w.photo, `${name}, ${at(i.at)}`)));
      if (i.text) inner.push(...linked(i.text));
      const meta: (Node | string)[] = [(i.edited && !i.deleted ? `${w.edited} ` : '') + at(i.at)];
      if (state) meta.push(icon('ticks', state === 'read' ? w.read : w.delivered));
      return bubble(`${i.mine ? 'out' : 'in'} ${state} ${first ? '' : 'g'}`, `${name}, ${at(i.at)}`, !i.mine && first && who, inner, meta);
    });
  }

  const after = () => (author === 'me' ? 'out g' : ((author = 'me'), 'out'));
  for (const o of s.outbox) {
    const acked = s.acked.has(o.id);
    const side = after();
    add(o.id, [o, acked, side], () => waiting(o, acked, side));
  }
  for (const u of s.uploads) {
    const side = after();
    add(u.key, [u.file.name, u.failed, side], () =>
      failable(u.failed,
        bubble(side, fill(w.uploading, u.file.name), false, [chip(u.failed ? u.file.name : fill(w.uploading, u.file.name))], [icon(u.failed ? 'alert' : 'clock', u.failed ? w.failed : w.sending)]),
        () => void store.upload(u.file, u.key), () => store.drop(u.key)));
  }
  if (s.chat.state === 'queued' && !s.outbox.length && s.link !== 'gone') {
    add('line', 1, () => h('div', { class: 'card' }, h('b', {}, w.line), h('div', {}, w.lineMore)));
  }
  if (s.typing) {
    const who = s.chat.agent?.name || look.title;
    add('typing', who, () => h('div', { class: 'typing' }, fill(w.typing, who)));
  }
  return rows;

  function mark(i: Item): HTMLElement {
    const [before, behind] = w[i.mark!].split('#') as [string, string?];
    const said = behind === undefined ? [before] : i.name ? [before, h('b', {}, i.name), behind] : [i.mark === 'ended' ? w.over : fill(w[i.mark!], look.title)];
    return h('div', { class: 'ev' }, icon(i.mark === 'ended' ? 'tick' : i.mark === 'waiting' ? 'clock' : 'person'), h('span', {}, ...said, ` · ${at(i.at)}`));
  }

  function waiting(o: Outgoing, acked: boolean, side: string): HTMLElement {
    const inner = [...(o.file ? [chip(o.file.name)] : []), ...linked(o.text)];
    const sign = o.failed ? icon('alert', w.failed) : acked ? icon('tick', w.sent) : icon('clock', w.sending);
    return failable(o.failed, bubble(side, `${w.you}, ${at(new Date(o.at).toISOString())}`, false, inner, [sign]),
      () => store.retry(o.id), () => store.drop(o.id));
  }

  /** Adds why it was not sent, and what can be done. */
  function failable(why: string | undefined, e: HTMLElement, retry: () => void, drop: () => void): HTMLElement {
    if (!why) return e;
    const known: Record<string, string> = {
      media_type: w.media_type, media_too_large: fill(w.media_too_large, Math.floor(look.file_limit / 2 ** 20)), rate_limited: w.rate_limited,
    };
    e.classList.add('fail');
    e.append(h('div', { class: 'why' }, `${w.failed} ${known[why] ?? ''} `,
      !why.startsWith('media_') && h('button', { onclick: () => (leave(), retry()) }, w.retry), ' ', h('button', { onclick: () => (leave(), drop()) }, w.drop)));
    return e;
  }

  function chip(name: string): HTMLElement {
    return h('span', { class: 'file' }, icon('file'), name);
  }

  /** A picture, or a file to save. Its bytes are fetched with the token and shown as a blob. */
  function mediaOf(m: Media, label: string): HTMLElement {
    const save = async () => {
      const url = URL.createObjectURL(await store.file(m.id));
      h('a', { href: url, download: m.name || label }).click();
      setTimeout(() => URL.revokeObjectURL(url), 6e4);
    };
    const press = () => void save().catch(() => undefined); // the file's own words say what it is; a press may be repeated
    const name = m.name || w.file;
    if (m.state === 'ready' && m.type.startsWith('image/')) {
      const img = h('img', { alt: label, width: m.width, height: m.height });
      store.picture(m.id, !!m.thumb).then((b) => {
        img.src = URL.createObjectURL(b);
        img.onload = () => URL.revokeObjectURL(img.src);
      }, () => img.replaceWith(chip(name)));
      return h('button', { class: 'ph', onclick: press }, img);
    }
    const size = m.size ? ` · ${new Intl.NumberFormat(locale, { style: 'unit', unit: 'kilobyte', maximumFractionDigits: 0 }).format(Math.max(1, m.size / 1e3))}` : '';
    return m.state === 'ready' ? h('button', { class: 'file', onclick: press }, icon('file'), name + size) : chip(name);
  }
}

function dayOf(at: string, locale: string): string {
  const d = new Date(at);
  const ago = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 864e5);
  const s = ago < 2
    ? new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-ago, 'day')
    : new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', ...(ago > 300 && { year: 'numeric' }) }).format(d);
  return s.charAt(0).toLocaleUpperCase(locale) + s.slice(1);
}
