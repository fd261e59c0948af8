// The page: two phones and the world beside them; on a narrow screen one at a time.
import { h, icon } from './dom.js';
import { Phone } from './phone.js';
import { follow, state, subscribe } from './store.js';
import { worldPanel } from './world.js';
import { language, t } from './words.js';

document.documentElement.lang = language;
document.title = `${t('title')} · ${t('product')}`;

const phones = ['whatsapp', 'instagram'].map((kind) => new Phone(kind));
const parts = [...phones.map((p) => p.el), worldPanel()];
const names = [t('whatsapp'), t('instagram'), t('world')];

const tabs = h('nav', { class: 'tabs', 'aria-label': t('phones') }, parts.map((part, i) => h('button', { type: 'button', 'aria-controls': part.id, onclick: () => show(i) }, names[i])));

function show(index) {
  parts.forEach((part, i) => part.classList.toggle('front', i === index));
  [...tabs.children].forEach((b, i) => (i === index ? b.setAttribute('aria-current', 'true') : b.removeAttribute('aria-current')));
  for (const p of phones) {
    p.grow();
    p.look();
  }
}

const inbox = h('a', { class: 'btn', hidden: true }, icon('inbox', 's'), h('span', {}, t('inbox')));
subscribe(() => {
  inbox.hidden = !state.deskUrl;
  if (state.deskUrl) inbox.href = state.deskUrl;
});

document.getElementById('app').replaceChildren(
  h('header', { class: 'top' }, h('span', { class: 'logo' }, icon('logo')), h('h1', {}, t('title')), h('span', { class: 'chip' }, t('demo')), h('p', { class: 'mut intro' }, t('intro')), h('span', { class: 'sp' }), inbox),
  tabs,
  h('main', { class: 'stage' }, parts),
);
show(0);
follow();
