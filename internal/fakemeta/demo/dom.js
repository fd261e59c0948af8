// Small helpers to build elements. Text is always set as text, so nothing that a message says can become markup.

// h builds an element: h('button', {class: 'x', onclick: f, 'aria-label': 'y'}, child, …).
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'class') el.className = value;
    else if (key === 'dataset') Object.assign(el.dataset, value);
    else if (key.startsWith('on')) el.addEventListener(key.slice(2), value);
    else if (key === 'value' || key === 'checked' || key === 'disabled') el[key] = value;
    else el.setAttribute(key, value === true ? '' : value);
  }
  el.append(...children.flat().filter((c) => c !== undefined && c !== null && c !== false && c !== ''));
  return el;
}

const paths = {
  logo: 'M5 21V11a7 7 0 0114 0v10M12 4v17M5 13h14',
  whatsapp: 'M4 20l1.200-4A8 8 0 1112 20a8 8 0 01-3.800-1zM9 9.500c.5 3 2.500 5 5.500 5.500',
  instagram: 'M4 8a4 4 0 014-4h8a4 4 0 014 4v8a4 4 0 01-4 4H8a4 4 0 01-4-4zM12 15.500a3.500 3.500 0 100-7 3.500 3.500 0 000 7zM17 7v.1',
  clip: 'M20 11l-8.500 8.500a5 5 0 01-7-7L13 4a3.400 3.400 0 014.800 4.800l-8.300 8.300a1.700 1.700 0 01-2.400-2.400L14.500 7.500',
  send: 'M4 12L20 4.500 15.500 20l-3.500-6.500zM12 13.500L20 4.500',
  plus: 'M12 5v14M5 12h14', pen: 'M4 20l1-4.500L16 4.500l3.500 3.500L8.500 19zM14 6.500L17.500 10',
  more: 'M5 12h.01M12 12h.01M19 12h.01', x: 'M6 6l12 12M18 6L6 18',
  image: 'M4 5h16v14H4zM4 16l4.500-4.500 4 4 2.500-2.500 5 5M15 9.500v.1', mic: 'M12 15a3.500 3.500 0 003.500-3.500v-5a3.500 3.500 0 10-7 0v5A3.500 3.500 0 0012 15zM5 11.500a7 7 0 0014 0M12 18.500V22',
  pin: 'M12 21s7-6.500 7-11.500a7 7 0 10-14 0C5 14.500 12 21 12 21zM12 12a2.500 2.500 0 100-5 2.500 2.500 0 000 5z',
  file: 'M6 3h8l5 5v13H6zM14 3v5h5', heart: 'M12 20s-7.500-4.800-7.500-10A4.200 4.200 0 0112 7.500 4.200 4.200 0 0119.500 10c0 5.200-7.500 10-7.500 10z',
  folder: 'M3 7V5h6l2 2h10v12H3z', card: 'M3 5h18v14H3zM9 12a2 2 0 100-4 2 2 0 000 4zM5.500 16c.5-2 1.800-2.700 3.500-2.700s3 .7 3.500 2.700M15 10h3.500M15 13.500h3.500',
  reply: 'M9 6L3.500 11.500 9 17M4 11.500h9.500c4 0 6.500 2 7 6', trash: 'M5 7h14M9.500 7V4.500h5V7M7 7l1 13h8l1-13',
  clock: 'M12 21a9 9 0 100-18 9 9 0 000 18zM12 7.500V12l3 2', sand: 'M6 3h12M6 21h12M7 3c0 5 5 6 5 9s-5 4-5 9M17 3c0 5-5 6-5 9s5 4 5 9',
  tick: 'M1.500 12.500l4.500 4.500L15 8M10.500 15.500l1.500 1.500L22 8', wait: 'M12 20a8 8 0 100-16 8 8 0 000 16zM12 8v4.500l2.500 1.500',
  lock: 'M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 017 0v3', plane: 'M10.500 13.500L3 11l.8-1.800 7.700.3L16 4.800c1.500-1.500 3.500-1 3.500-1s.5 2-1 3.500l-4.700 4.500.3 7.700L12.300 20.300 9.800 12.800M7.500 16.500l-2.300.5',
  eye: 'M2 12s3.500-7 10-7 10 7 10 7-3.500 7-10 7S2 12 2 12zM12 15a3 3 0 100-6 3 3 0 000 6z',
  list: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01', link: 'M14 5h5v5M19 5l-8 8M17 14v5H5V7h5', call: 'M5 4h4l2 5-2.500 1.500a11 11 0 005 5L15 13l5 2v4a1.500 1.500 0 01-1.500 1.500A15.500 15.500 0 013.500 5.500 1.500 1.500 0 015 4z',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1', play: 'M8 5l11 7-11 7z', pause: 'M8 5v14M16 5v14', bolt: 'M13 3L5 14h6l-1 7 8-11h-6z', inbox: 'M3 13l3-8h12l3 8v6H3zM3 13h5l1.500 3h5L16 13h5',
};

// icon draws one of the set: 24 grid, stroke, hidden from assistive technology.
export function icon(name, extra = '') {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `i ${extra}`);
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(ns, 'path');
  path.setAttribute('d', paths[name]);
  svg.append(path);
  return svg;
}

// button with an icon only: its name is read and shown as a tooltip.
export function iconButton(name, label, onclick, extra = '') {
  return h('button', { type: 'button', class: `ib ${extra}`, 'aria-label': label, title: label, onclick }, icon(name));
}

// avatar shows initials on one of eight grounds, chosen by id so that a rename does not recolour.
export function avatar(id, name, extra = '') {
  let hash = 0;
  for (const c of id) hash = (hash * 31 + c.codePointAt(0)) >>> 0;
  const initials = name.split(/\s+/).filter(Boolean).slice(0, 2).map((w) => [...w][0].toLocaleUpperCase()).join('');
  return h('span', { class: `av g${hash % 8} ${extra}`, 'aria-hidden': 'true' }, initials);
}

// badge is the channel's mark.
export function badge(kind, label) {
  return h('span', { class: `ch ${kind}`, role: 'img', 'aria-label': label }, icon(kind));
}
