// The panel beside the phones: the clock, whether the desk answers, and trouble to make.
import { h, icon } from './dom.js';
import { span } from './phone.js';
import { ask, now, state, subscribe } from './store.js';
import { language, t } from './words.js';

const clock = new Intl.DateTimeFormat(language, { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

// troubles are one-shot faults of the platform's send API.
const troubles = {
  fault500: { code: 131000, times: 1 }, faultHang: { hang: '30s', reset: true, deed: 'dropped', times: 1 }, faultLost: { reset: true, times: 1 },
  faultLimit: { code: 130429, times: 1 }, fault131026: { code: 131026, times: 1 }, faultToken: { code: 190, times: 1 }, faultSilent: { statuses: ['none'], times: 1 },
};

export function worldPanel() {
  const time = h('p', { class: 'now num' });
  const moved = h('p', { class: 'mut' });
  const move = (label, body, tip) => h('button', { type: 'button', class: 'btn', title: tip, onclick: () => run(() => ask('POST', 'clock', body)) }, label);
  const reset = move(t('reset'), { reset: true }, t('resetClock'));
  const clockPart = h('section', { 'aria-labelledby': 'w-clock' }, h('h2', { id: 'w-clock' }, icon('clock', 's'), t('clock')), time, moved,
    h('div', { class: 'rowx' }, move(t('plusHour'), { hours: 1 }), move(t('plusDay'), { hours: 24 }), reset));

  const dot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  const answers = h('span', { role: 'status' });
  const figures = h('p', { class: 'mut num' });
  const deskPart = h('section', { 'aria-labelledby': 'w-desk' }, h('h2', { id: 'w-desk' }, icon('inbox', 's'), t('desk')), h('p', { class: 'rowx' }, dot, answers), figures);

  const pick = h('select', { id: 'w-fault' }, Object.keys(troubles).map((k) => h('option', { value: k }, t(k))));
  const armed = h('p', { class: 'mut', role: 'status' });
  const off = h('button', { type: 'button', class: 'btn', onclick: () => run(() => ask('DELETE', 'faults')).then(() => refresh(0)) }, t('disarm'));
  const error = h('p', { class: 'err', role: 'alert' });
  const troublePart = h('section', { 'aria-labelledby': 'w-trouble' }, h('h2', { id: 'w-trouble' }, icon('bolt', 's'), t('trouble')),
    h('label', { for: 'w-fault', class: 'mut' }, t('troubleHint')), pick,
    h('div', { class: 'rowx' }, h('button', { type: 'button', class: 'btn', onclick: () => run(() => ask('POST', 'faults', troubles[pick.value])).then(() => refresh(1)) }, t('arm')), off), armed, error);

  async function run(f) {
    error.textContent = '';
    try { await f(); } catch (err) { error.textContent = t('failed', { why: err.message }); }
  }

  // refresh shows the number of armed faults at once; the next change from the server corrects it.
  function refresh(more) {
    if (state.desk) state.desk.faults = more ? state.desk.faults + more : 0;
    draw();
  }

  function draw() {
    const d = state.desk;
    if (!d) return;
    clockPart.hidden = !state.movable;
    const ok = state.online && (d.last_status >= 200 && d.last_status < 300 || d.waiting === 0);
    dot.className = `dot ${ok ? 'ok' : 'bad'}`;
    const word = !state.online ? t('unreachable') : ok ? t('deskOk') : t('deskBad');
    if (answers.textContent !== word) answers.textContent = word;
    figures.textContent = [t('deskTaken', { n: d.acked }), d.waiting > 0 && t('deskWaits', { n: d.waiting }), d.last_status > 0 && t('lastAnswer', { status: d.last_status })].filter(Boolean).join(' · ');
    armed.textContent = d.faults > 0 ? t('armed', { n: d.faults }) : '';
    off.disabled = d.faults === 0;
    reset.disabled = state.skewMs === 0;
    moved.textContent = state.skewMs === 0 ? '' : t('moved', { by: span(state.skewMs) });
    tick();
  }

  function tick() { time.textContent = clock.format(now()); }

  subscribe(draw);
  setInterval(tick, 1000);
  return h('aside', { class: 'world', id: 'world', 'aria-label': t('world') }, clockPart, deskPart, troublePart);
}
