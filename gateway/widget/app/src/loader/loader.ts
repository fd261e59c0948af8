/**
 * The script that a site includes:
 *
 *   <script async src="https://desk.example/widget.js" data-account="…"></script>
 *
 * It draws the launcher in a shadow root and, when somebody opens the chat or has begun one, the chat's frame. It sees no
 * message and holds no token: those live in the frame's origin. window.Gatehouse('open'), see api below.
 */
import { language, type Greeting, type Look, type ToFrame, type ToPage } from '../shared';
import style from './loader.css?inline';

type Event = 'open' | 'close' | 'message' | 'unread';
type Listener = (value?: unknown) => void;
interface Api {
  (verb: string, ...args: unknown[]): void;
  q?: ArrayLike<unknown>[]; // calls made before this script came
  loaded?: true;
}
declare global {
  interface Window {
    Gatehouse?: Api;
  }
}

const words = {
  en: {
    open: 'Open chat', one: 'Open chat, 1 new message', more: 'Open chat, # new messages', shut: 'Close chat',
    title: 'Chat with #', wrote: 'New message from #', drop: 'Dismiss',
  },
  tr: {
    open: 'Sohbeti aç', one: 'Sohbeti aç, 1 yeni mesaj', more: 'Sohbeti aç, # yeni mesaj', shut: 'Sohbeti kapat',
    title: '# ile sohbet', wrote: '# size yazdı', drop: 'Kapat',
  },
};

const script = document.currentScript as HTMLScriptElement;
const base = new URL('widget/v1/', script.src);
const account = script.dataset.account ?? '';
const memory = `gatehouse:${account}`;

/** What this page's origin remembers: that a chat has begun, whether it is open, how much is unread. */
interface Kept {
  started?: boolean;
  open?: boolean;
  unread?: number;
}
let kept: Kept = {};
try {
  kept = JSON.parse(localStorage.getItem(memory) ?? '{}');
} catch {
  // nothing can be kept here
}
function keep(change: Kept) {
  kept = { ...kept, ...change };
  try {
    localStorage.setItem(memory, JSON.stringify(kept));
  } catch {
    // as before
  }
}

function start(look: Look) {
  let locale = document.documentElement.lang;
  let name = '';
  let port: MessagePort | undefined;
  let frame: HTMLIFrameElement | undefined;
  let locked: [string, Element[]] | undefined; // the page's own overflow, and what was made inert
  const listeners = new Map<string, Set<Listener>>();
  const phone = matchMedia('(max-width: 639px)');
  const say = () => words[language(look, locale)];
  const post = (m: ToFrame) => port?.postMessage(m);
  const emit = (event: Event, value?: unknown) => listeners.get(event)?.forEach((f) => f(value));

  const host = document.createElement('gatehouse-chat');
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  root.adoptedStyleSheets = [sheet];
  const make = <K extends keyof HTMLElementTagNameMap>(tag: K, part: string, into: Node): HTMLElementTagNameMap[K] => {
    const e = document.createElement(tag);
    e.className = part;
    into.appendChild(e);
    return e;
  };
  const icon = (path: string, into: Element) => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    const p = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    p.setAttribute('d', path);
    svg.appendChild(p);
    into.appendChild(svg);
  };

  const all = make('div', `all ${look.side}`, root);
  all.dir = getComputedStyle(document.documentElement).direction;
  const dark = look.theme === 'dark' || (look.theme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  if (dark) all.classList.add('dark');
  for (const [k, v] of Object.entries({
    '--brand': look.colors.brand, '--on-brand': look.colors.on_brand, '--x': `${look.offset_x}px`, '--y': `${look.offset_y}px`,
  })) all.style.setProperty(k, v);
  const panel = make('div', 'panel', all);
  panel.setAttribute('role', 'dialog');
  const teaser = make('div', 'teaser', all);
  const tease = make('button', 'say', teaser);
  const drop = make('button', 'drop', teaser);
  icon('M6 6l12 12M18 6L6 18', drop);
  const launcher = make('button', 'launch', all);
  icon('M12 4c5 0 9 3.200 9 7.300s-4 7.300-9 7.300c-1 0-2-.1-2.900-.4L4.500 20l1-3.600C4 15 3 13.300 3 11.300 3 7.200 7 4 12 4z', launcher);
  icon('M6 9l6 6 6-6', launcher);
  const badge = make('span', 'badge', launcher);
  panel.hidden = teaser.hidden = true;

  /** Puts words and state where they are seen and heard. */
  function show() {
    const w = say();
    const n = kept.open ? 0 : (kept.unread ?? 0);
    launcher.setAttribute('aria-label', kept.open ? w.shut : n > 1 ? w.more.replace('#', `${n}`) : n ? w.one : w.open);
    launcher.setAttribute('aria-expanded', `${!!kept.open}`);
    drop.setAttribute('aria-label', w.drop);
    badge.textContent = n > 9 ? '9+' : `${n}`;
    badge.hidden = !n;
    all.classList.toggle('opened', !!kept.open);
    panel.hidden = !kept.open;
    panel.setAttribute('aria-label', w.title.replace('#', look.title));
    panel.setAttribute('aria-modal', `${!!kept.open && phone.matches}`);
    if (frame) frame.title = w.title.replace('#', look.title);
    lock(!!kept.open && phone.matches);
    fit();
  }

  /** On phones the chat is all there is: the page behind neither scrolls nor takes focus. */
  function lock(on: boolean) {
    const page = document.documentElement;
    if (on && !locked) {
      const behind = [...document.body.children].filter((e) => e !== host && !e.hasAttribute('inert'));
      behind.forEach((e) => e.setAttribute('inert', ''));
      locked = [page.style.overflow, behind];
      page.style.overflow = 'hidden';
    } else if (!on && locked) {
      page.style.overflow = locked[0];
      locked[1].forEach((e) => e.removeAttribute('inert'));
      locked = undefined;
    }
  }

  /** Follows what is left of the screen when the keyboard is up. */
  function fit() {
    const v = visualViewport;
    const set = v && locked;
    panel.style.height = set ? `${v.height}px` : '';
    panel.style.top = set ? `${v.offsetTop}px` : '';
  }

  function load() {
    if (frame) return;
    frame = make('iframe', 'frame', panel);
    frame.src = new URL(`${account}/frame`, base).href;
    frame.onload = () => {
      const line = new MessageChannel();
      port = line.port1;
      port.onmessage = (e: MessageEvent<ToPage>) => heard(e.data);
      const hello: Greeting = {
        gatehouse: 1, page: { url: location.href, title: document.title }, locale, open: !!kept.open, name,
      };
      frame!.contentWindow?.postMessage(hello, base.origin, [line.port2]);
    };
  }

  function heard(m: ToPage) {
    if (m.type === 'close') api('close');
    if (m.type === 'started') keep({ started: true });
    if (m.type === 'unread' && m.count !== (kept.unread ?? 0)) {
      if (m.count > (kept.unread ?? 0) && !kept.open) whisper(say().wrote.replace('#', m.name));
      keep({ unread: m.count });
      show();
      emit('unread', m.count);
    }
    if (m.type === 'message') emit('message', { name: m.name });
  }

  function whisper(text: string) {
    tease.textContent = text;
    teaser.hidden = false;
  }

  const verbs: Record<string, (...args: never[]) => void> = {
    open() {
      if (kept.open) return;
      keep({ open: true });
      host.hidden = false;
      teaser.hidden = true;
      load();
      show();
      post({ type: 'open' });
      frame!.focus();
      emit('open');
    },
    close() {
      if (!kept.open) return;
      keep({ open: false });
      show();
      post({ type: 'close' });
      launcher.focus({ preventScroll: true });
      emit('close');
    },
    toggle: () => api(kept.open ? 'close' : 'open'),
    hide() {
      api('close');
      host.hidden = true;
    },
    show() {
      host.hidden = false;
    },
    setLocale(tag: string) {
      locale = tag;
      show();
      post({ type: 'locale', locale });
    },
    /** {name}: how the agents see the visitor. It proves nothing. */
    setAttributes(of: { name?: string }) {
      name = `${of.name ?? ''}`;
      post({ type: 'name', name });
    },
    on(event: Event, f: Listener) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(f));
    },
    off(event: Event, f: Listener) {
      listeners.get(event)?.delete(f);
    },
  };
  const api: Api = (verb, ...args) => {
    if (Object.hasOwn(verbs, verb)) verbs[verb]!(...(args as never[]));
    else console.warn(`Gatehouse: there is no '${verb}'`);
  };
  api.loaded = true;
  const early = window.Gatehouse?.q ?? [];
  window.Gatehouse = api;

  launcher.onclick = () => api('toggle');
  tease.onclick = () => api('open');
  drop.onclick = () => (teaser.hidden = true);
  document.addEventListener('click', (e) => {
    if ((e.target as Element).closest?.('[data-gatehouse-open]')) api('open');
  });
  document.addEventListener('keydown', (e) => {
    if (e.key === 'Escape' && kept.open && document.activeElement === host) api('close');
  });
  phone.addEventListener('change', show);
  visualViewport?.addEventListener('resize', fit);
  visualViewport?.addEventListener('scroll', fit);
  host.hidden = 'hidden' in script.dataset;
  document.body.appendChild(host);

  if (kept.started || kept.open) load();
  else if (look.teaser && !sessionStorage.getItem(memory)) {
    sessionStorage.setItem(memory, '1');
    whisper(look.teaser);
  }
  show();
  for (const call of early) api(...(Array.from(call) as [string]));
}

async function boot() {
  const refused = `Gatehouse: the chat is not shown. Is ${location.origin} among the allowed origins of account ${account}?`;
  try {
    const answer = await fetch(new URL(`${account}/config`, base), { credentials: 'omit' });
    if (answer.ok) start(await answer.json());
    else console.warn(answer.status === 403 ? refused : `Gatehouse: the chat is not shown (${answer.status})`);
  } catch {
    console.warn(refused); // a refusal that the browser keeps from us, or no network
  }
}

if (!window.Gatehouse?.loaded) {
  const idle = window.requestIdleCallback ?? ((f: () => void) => setTimeout(f, 200));
  const soon = () => idle(() => void boot(), { timeout: 2000 });
  if (document.readyState === 'complete') soon();
  else addEventListener('load', soon);
}
