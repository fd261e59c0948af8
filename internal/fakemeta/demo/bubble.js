// One message as a customer's phone shows it. The customer's own messages are "out", the business's are "in".
import { h, icon, iconButton } from './dom.js';
import { language, t } from './words.js';

const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

// bubble builds the element; on is what the phone does when something is pressed.
export function bubble(m, chat, on) {
  const mine = !m.from_business;
  const who = mine ? t('you') : chat.business;
  const more = m.deleted ? null : iconButton('more', t('more'), () => on.more(m, more), 'more');
  more?.setAttribute('aria-haspopup', 'menu');
  const body = m.deleted ? [h('p', { class: 'gone' }, mine ? t('deletedYou') : t('deleted'))] : content(m, on);
  return h('article', { class: `m ${mine ? 'out' : 'in'}${m.cards ? ' wide' : ''}`, 'aria-label': `${who}, ${clock.format(Date.parse(m.at))}`, dataset: { id: m.id, rev: m.rev } },
    h('div', { class: 'line' },
      h('div', { class: `bb${m.media && isPicture(m) ? ' pic' : ''}${m.type === 'sticker' || m.type === 'like_heart' ? ' bare' : ''}` },
        !m.deleted && m.reply_to && quote(m, chat),
        body,
        meta(m, mine)),
      more),
    !m.deleted && buttons(m, on),
    !m.deleted && m.cards && cards(m, on),
    reactions(m, on));
}

function isPicture(m) { return m.media.mime.startsWith('image/') || m.media.mime.startsWith('video/'); }

function quote(m, chat) {
  const q = chat.find(m.reply_to);
  if (!q) return null;
  return h('span', { class: 'qt' }, h('b', {}, q.from_business ? chat.business : t('you')), h('span', { dir: 'auto' }, summary(q)));
}

// summary is a message in one line: for quotes, the lock screen and the announcement.
export function summary(m) {
  if (m.deleted) return t('deleted');
  if (m.text) return m.text;
  const kind = { image: 'photo', video: 'video', audio: 'voice', document: 'document', file: 'document', sticker: 'sticker', location: 'location', contacts: 'contact', like_heart: 'heart' }[m.type];
  return kind ? t(kind) : t('unsupported');
}

function content(m, on) {
  const out = [];
  if (m.media) out.push(media(m.media, m, on));
  if (m.location) out.push(place(m.location));
  if (m.contacts) out.push(h('ul', { class: 'cards' }, m.contacts.map((c) => h('li', {}, icon('card', 's'), h('bdi', {}, c)))));
  if (m.header) out.push(h('p', { class: 'head', dir: 'auto' }, m.header));
  if (m.type === 'like_heart') out.push(h('p', { class: 'big' }, '❤️'));
  else if (m.text) out.push(h('p', { class: 'tx', dir: 'auto' }, formatted(m.text)));
  else if (out.length === 0) out.push(h('p', { class: 'gone' }, t('unsupported')));
  if (m.footer) out.push(h('p', { class: 'foot', dir: 'auto' }, m.footer));
  return out;
}

// formatted shows *bold* as WhatsApp does, and web addresses as links.
function formatted(text) {
  return text.split(/(\*[^*\n]+\*|https?:\/\/\S+)/).map((part) => {
    if (/^\*[^*\n]+\*$/.test(part)) return h('b', {}, part.slice(1, -1));
    if (/^https?:\/\//.test(part)) return h('a', { href: part, target: '_blank', rel: 'noreferrer noopener' }, part);
    return part;
  });
}

function media(file, m, on) {
  const src = `api/media/${encodeURIComponent(file.id)}`;
  if (!file.id) return h('span', { class: 'ph', role: 'img', 'aria-label': t('photo') }, icon('image'));
  if (file.mime.startsWith('image/')) {
    return h('img', { class: m?.type === 'sticker' ? 'stick' : 'ph', src, alt: m?.text || t('photo'), loading: 'lazy' });
  }
  if (file.mime.startsWith('video/')) return h('video', { class: 'ph', src, controls: true, preload: 'metadata', 'aria-label': t('video') });
  if (file.mime.startsWith('audio/')) return voice(src, m, on);
  return h('a', { class: 'file', href: src, download: file.filename || true, 'aria-label': t('download', { name: file.filename || t('document') }) },
    icon('file'), h('span', {}, h('b', {}, h('bdi', {}, file.filename || t('document'))), h('small', {}, `${Math.max(1, Math.round(file.size / 1024))} KB`)));
}

// voice is a small player: one button, a line, the time.
function voice(src, m, on) {
  const audio = new Audio();
  audio.preload = 'none';
  audio.src = src;
  const bar = h('progress', { max: '1', value: 0, 'aria-label': t('voice') });
  const time = h('span', { class: 'num' }, '0:00');
  const show = () => {
    const known = Number.isFinite(audio.duration) && audio.duration > 0;
    bar.value = known ? audio.currentTime / audio.duration : 0;
    const s = Math.round(audio.paused && audio.currentTime === 0 && known ? audio.duration : audio.currentTime);
    time.textContent = `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
  };
  const press = iconButton('play', t('play'), () => {
    if (!audio.paused) { audio.pause(); return; }
    audio.play().catch((err) => { time.textContent = err.name; });
    if (m?.from_business) on.play(m);
  }, 'pl');
  const look = () => press.replaceChildren(icon(audio.paused ? 'play' : 'pause'));
  for (const e of ['play', 'pause', 'ended']) audio.addEventListener(e, look);
  for (const e of ['timeupdate', 'loadedmetadata', 'ended']) audio.addEventListener(e, show);
  return h('div', { class: 'voice' }, press, bar, time);
}

function place(l) {
  const where = `${l.latitude.toFixed(4)}, ${l.longitude.toFixed(4)}`;
  return h('div', { class: 'place' }, h('span', { class: 'map', 'aria-hidden': 'true' }, icon('pin')),
    h('p', {}, h('b', {}, h('bdi', {}, l.name || t('location'))), l.address && h('span', {}, h('bdi', {}, l.address)), h('small', { class: 'num' }, where)));
}

const buttonIcons = { reply: 'reply', quick_reply: 'reply', postback: 'reply', url: 'link', phone: 'call', copy: 'copy', flow: 'list', location: 'pin', contact: 'card' };

function buttonTitle(b) {
  if (b.kind === 'location') return t('shareLocation');
  if (b.kind === 'contact') return t('shareNumber');
  return b.title || t('copyCode');
}

function oneButton(b, m, on) {
  const chosen = m.answered === b.id && b.id;
  const label = [icon(chosen ? 'tick' : buttonIcons[b.kind] ?? 'link', 's'), h('span', { dir: 'auto' }, buttonTitle(b))];
  if (b.kind === 'url' && /^https?:/.test(b.value ?? '')) return h('a', { class: 'act', href: b.value, target: '_blank', rel: 'noreferrer noopener' }, label);
  if (b.kind === 'phone') return h('a', { class: 'act', href: `tel:${b.value}` }, label);
  if (b.kind === 'copy') {
    const el = h('button', {
      type: 'button', class: 'act',
      onclick: async () => { await navigator.clipboard?.writeText(b.value); el.lastChild.textContent = `${t('copied')}: ${b.value}`; },
    }, label);
    return el;
  }
  const button = h('button', { type: 'button', class: `act${chosen ? ' chosen' : ''}`, onclick: () => on.press(m, b.id) }, label);
  if (chosen) button.append(h('span', { class: 'sr' }, `, ${t('answered')}`));
  return button;
}

function buttons(m, on) {
  const out = (m.buttons ?? []).map((b) => oneButton(b, m, on));
  if (m.list) {
    const open = h('button', { type: 'button', class: 'act', 'aria-haspopup': 'menu', onclick: () => on.list(m, open) }, icon('list', 's'), h('span', { dir: 'auto' }, m.list.button));
    out.push(open);
  }
  const pills = (m.buttons ?? []).some((b) => b.kind === 'quick_reply') && !m.template;
  return out.length > 0 && h('div', { class: pills ? 'acts-row' : 'acts-col' }, out);
}

function cards(m, on) {
  return h('div', { class: 'carousel', tabindex: '0', role: 'group', 'aria-label': t('sharedPost') }, m.cards.map((c) => h('div', { class: 'ccard' },
    c.media && media(c.media, null, on), c.title && h('p', { class: 'head', dir: 'auto' }, c.title), c.text && h('p', { dir: 'auto' }, formatted(c.text)),
    c.buttons && h('div', { class: 'acts-col in' }, c.buttons.map((b) => oneButton(b, m, on))))));
}

function meta(m, mine) {
  const ticks = { pending: ['wait', t('pending')], delivered: ['tick', t('taken')], read: ['tick read', t('readByThem')] }[m.status];
  const mark = mine && ticks && h('span', { class: `tk ${ticks[0]}`, role: 'img', 'aria-label': ticks[1], title: ticks[1] }, icon(ticks[0].split(' ')[0]));
  return h('span', { class: 'meta num' }, m.from_app && h('span', {}, t('fromApp')), m.edits > 0 && h('span', {}, t('edited')), clock.format(Date.parse(m.at)), mark);
}

// colourful asks for the picture of a heart instead of the letter.
function colourful(emoji) { return emoji.replace(/\u2764(?!\uFE0F)/gu, '\u2764\uFE0F'); }

function reactions(m, on) {
  if (!m.customer_reaction && !m.business_reaction) return null;
  const theirs = m.business_reaction && h('span', { class: 're' }, colourful(m.business_reaction));
  const own = m.customer_reaction && h('button', { type: 'button', class: 're own', 'aria-label': t('unreact', { emoji: m.customer_reaction }), onclick: () => on.react(m, '') }, colourful(m.customer_reaction));
  return h('div', { class: 'res' }, theirs, own);
}
