// A menu beside its button, or a sheet at the foot of a phone. Esc, a press outside and Tab close it; the focus goes back.
import { h, icon } from './dom.js';

// openMenu shows groups of items: {label, icon?, hint?, run} in columns, or {row: [...]} for small ones side by side.
export function openMenu(anchor, label, items, sheet) {
  const close = () => { menu.hidePopover(); };
  const item = (it, small) => h('button', {
    type: 'button', role: 'menuitem', class: small ? 'mi small' : 'mi', tabindex: '-1', 'aria-label': small ? it.name : undefined, title: small ? it.name : undefined,
    onclick: () => { close(); it.run(); },
  }, it.icon && icon(it.icon), small ? it.label : h('span', { class: 'mt' }, h('span', { dir: 'auto' }, it.label), it.hint && h('small', { dir: 'auto' }, it.hint)));
  const menu = h('div', { popover: 'auto', role: 'menu', class: sheet ? 'menu sheet' : 'menu', 'aria-label': label },
    sheet && h('p', { class: 'mh', role: 'presentation' }, label),
    items.map((it) => (it.row ? h('div', { class: 'mrow', role: 'none' }, it.row.map((x) => item(x, true)))
      : it.heading ? h('p', { class: 'mh', role: 'presentation' }, it.heading) : item(it, false))));
  (anchor.closest('section') ?? document.body).append(menu); // inside a landmark
  const all = [...menu.querySelectorAll('[role=menuitem]')];
  menu.addEventListener('keydown', (e) => {
    const at = all.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[e.key];
    if (step) all[(at + step + all.length) % all.length].focus();
    else if (e.key === 'Home') all[0].focus();
    else if (e.key === 'End') all.at(-1).focus();
    else if (e.key === 'Tab') close();
    else return;
    e.preventDefault();
  });
  menu.addEventListener('toggle', (e) => {
    if (e.newState !== 'closed') return;
    menu.remove();
    anchor.setAttribute('aria-expanded', 'false');
    if (document.activeElement === document.body || document.activeElement === null) anchor.focus();
  });
  anchor.setAttribute('aria-expanded', 'true');
  menu.showPopover();
  place(menu, anchor, sheet);
  all[0]?.focus();
}

function place(menu, anchor, sheet) {
  const a = anchor.getBoundingClientRect();
  if (sheet) {
    const s = sheet.getBoundingClientRect();
    Object.assign(menu.style, { left: `${s.left}px`, width: `${s.width}px`, bottom: `${innerHeight - s.bottom}px`, maxHeight: `${s.height * 0.8}px` });
    return;
  }
  const m = menu.getBoundingClientRect();
  const top = a.top - m.height - 6 >= 8 ? a.top - m.height - 6 : Math.min(a.bottom + 6, innerHeight - m.height - 8);
  const left = Math.max(8, Math.min(a.left, innerWidth - m.width - 8));
  Object.assign(menu.style, { left: `${left}px`, top: `${Math.max(8, top)}px` });
}

// openForm asks for some values in a dialog. fields: {name, label, hint?, value?, type?: 'checkbox', required?}
export function openForm(title, action, fields, run) {
  const error = h('p', { class: 'err', role: 'alert' });
  const inputs = fields.map((f) => h('input', {
    id: `f-${f.name}`, name: f.name, type: f.type ?? 'text', value: f.type === 'checkbox' ? undefined : f.value ?? '', checked: f.type === 'checkbox' && Boolean(f.value),
    required: f.required, autocomplete: 'off', 'aria-describedby': f.hint ? `h-${f.name}` : undefined, inputmode: f.inputmode,
  }));
  const dialog = h('dialog', { class: 'dialog', 'aria-label': title },
    h('form', {
      novalidate: true,
      onsubmit: async (e) => {
        e.preventDefault();
        const values = Object.fromEntries(fields.map((f, i) => [f.name, f.type === 'checkbox' ? inputs[i].checked : inputs[i].value.trim()]));
        const missing = inputs.find((el, i) => fields[i].required && !values[fields[i].name]);
        if (missing) { missing.focus(); return; }
        try {
          await run(values);
          dialog.close();
        } catch (err) { error.textContent = err.message; }
      },
    },
    h('h2', {}, title),
    fields.map((f, i) => (f.type === 'checkbox' ? h('label', { class: 'check' }, inputs[i], h('span', {}, f.label))
      : h('div', { class: 'fld' }, h('label', { for: `f-${f.name}` }, f.label), inputs[i], f.hint && h('small', { id: `h-${f.name}` }, f.hint)))),
    error,
    h('div', { class: 'acts' }, h('button', { type: 'button', class: 'btn', onclick: () => dialog.close() }, action.cancel), h('button', { type: 'submit', class: 'btn pri' }, action.ok))));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
