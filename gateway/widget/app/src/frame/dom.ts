/** Makes elements. No HTML is ever parsed: every text is a text node (RELIABILITY.md B55). */

type Props = Record<string, unknown>;
type Child = Node | string | undefined | false;

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props, ...children: Child[]): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) {
    if (k.startsWith('on')) e.addEventListener(k.slice(2), v as EventListener);
    else if (v !== undefined && v !== false) e.setAttribute(k, v === true ? '' : `${v}`);
  }
  e.append(...children.filter((c) => c !== undefined && c !== false));
  return e;
}

const paths = {
  attach: 'M20 11l-8.500 8.500a5 5 0 01-7-7L13 4a3.400 3.400 0 014.800 4.800l-8.300 8.300a1.700 1.700 0 01-2.400-2.400L14.500 7.500',
  send: 'M4 12l17-8-6 17-3.500-7.500z',
  down: 'M6 9l6 6 6-6',
  person: 'M12 12a4 4 0 100-8 4 4 0 000 8zM4 21c.8-4 3.600-6 8-6s7.200 2 8 6',
  tick: 'M4 12.500l5 5L20 6.500',
  ticks: 'M1.500 12.500l4.500 4.500L15 8M10.500 15.500l1.500 1.500L22 8',
  clock: 'M12 21a9 9 0 100-18 9 9 0 000 18zM12 7v5l3 2',
  file: 'M14 3H6v18h12V7zM14 3v4h4',
  alert: 'M12 4l9.500 16h-19zM12 10v4.500M12 17.500v.1',
};

export function icon(name: keyof typeof paths, label?: string): SVGElement {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `i ${name}`);
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else svg.setAttribute('aria-hidden', 'true');
  const p = document.createElementNS(ns, 'path');
  p.setAttribute('d', paths[name]);
  svg.append(p);
  return svg;
}

/** A text with its web addresses as links. Nothing else becomes one. */
export function linked(text: string): (Node | string)[] {
  return text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]'])/).map((part, i) =>
    i % 2 ? h('a', { href: part, target: '_blank', rel: 'noopener noreferrer nofollow' }, part) : part,
  );
}

/** One row of a list that is drawn again only when what it says has changed. */
export interface Row {
  key: string;
  says: string;
  draw: () => HTMLElement;
}

/** Makes the children of a list those rows, touching only what is new, changed or moved. */
export function makeRows(list: HTMLElement) {
  let drawn = new Map<string, { says: string; e: HTMLElement }>();
  return (rows: Row[]) => {
    const now: typeof drawn = new Map();
    let at = list.firstElementChild;
    for (const r of rows) {
      const was = drawn.get(r.key);
      const e = was?.says === r.says ? was.e : r.draw();
      if (was && was.e !== e) {
        if (was.e === at) at = e;
        was.e.replaceWith(e);
      } else if (e !== at) list.insertBefore(e, at);
      if (e === at) at = e.nextElementSibling;
      now.set(r.key, { says: r.says, e });
      drawn.delete(r.key);
    }
    for (const { e } of drawn.values()) e.remove();
    drawn = now;
  };
}
