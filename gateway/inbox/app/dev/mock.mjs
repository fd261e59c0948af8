// A stand-in for the gateway while developing and for screenshots: the contract of docs/api.md over a seeded shop, in memory.
//   node dev/mock.mjs [--port 4180] [--now 2026-11-12T14:38:20+03:00]
// It serves ../dist under the product's content security policy. States are set by GET /__mock?mode=…  (see `modes`).
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { world } from './world.mjs';

const arg = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : fallback;
};
const PORT = Number(arg('port', '4180'));
const FIXED = arg('now', '');
const DIST = join(dirname(fileURLToPath(import.meta.url)), '../../dist');
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.json': 'application/json' };

const now = () => (FIXED ? Date.parse(FIXED) : Date.now());
const iso = (ms) => new Date(ms).toISOString();
let db = world(now());
const modes = { empty: false, error: false, slow: false, down: false, cut: false };
const sockets = new Map(); // ws → agent id
const idempotent = new Map();
let cursor = 1;

class Refused extends Error {
  constructor(status, code, details = {}) {
    super(code);
    Object.assign(this, { status, code, details });
  }
}
const refuse = (status, code, details) => {
  throw new Refused(status, code, details);
};

// --- views of the data ---------------------------------------------------------------------------------------------------
const load = (id) => db.conversations.filter((c) => c.agent_id === id && (c.status === 'assigned' || c.status === 'pending')).length;
const agentView = (a) => ({ ...a, load: a.fixedLoad ?? load(a.id), fixedLoad: undefined, password: undefined });
const meView = (a) => ({
  id: a.id, name: a.name, email: a.email, role: a.role, permissions: a.permissions, departments: a.departments, presence: a.presence, break_reason: a.break_reason,
  presence_since: a.presence_since, behavior: a.behavior, capacity: a.capacity, load: a.fixedLoad ?? load(a.id), must_change_password: !!a.must_change_password, prefs: a.prefs ?? {}, csrf: 'mock', server_time: iso(now()), demo: true,
});
const convView = (c, me) => {
  const { drafts, messages, events, ...row } = c;
  const draft = drafts?.[`${me}.reply`]?.text;
  return draft ? { ...row, draft: draft.slice(0, 80) } : row;
};
const counts = (me) => {
  const open = db.conversations.filter((c) => c.status !== 'closed');
  const departments = {};
  for (const c of open) departments[c.department_id] = (departments[c.department_id] ?? 0) + 1;
  const mine = open.filter((c) => c.agent_id === me);
  return {
    mine: mine.filter((c) => c.status === 'assigned').length, queue: open.filter((c) => c.status === 'waiting').length, pending: open.filter((c) => c.status === 'pending').length,
    expiring: open.filter((c) => expiring(c)).length, all: open.length, unread: mine.filter((c) => c.unread).length, departments,
  };
};
const expiring = (c) => c.status !== 'closed' && c.window.shuts_at && Date.parse(c.window.shuts_at) - now() < 7.2e6 && Date.parse(c.window.shuts_at) > now();
const inView = {
  mine: (c, me) => c.agent_id === me && c.status === 'assigned',
  queue: (c) => c.status === 'waiting',
  pending: (c, me) => c.status === 'pending' && c.agent_id === me,
  expiring,
  history: (c) => c.status === 'closed',
  all: () => true,
};
const sorts = {
  newest: (a, b) => Date.parse(b.last_message_at) - Date.parse(a.last_message_at),
  waiting: (a, b) => Date.parse(a.waiting_since ?? 0) - Date.parse(b.waiting_since ?? 0),
  expiring: (a, b) => Date.parse(a.window.shuts_at ?? '2100') - Date.parse(b.window.shuts_at ?? '2100'),
};

// --- changes -----------------------------------------------------------------------------------------------------------------
function broadcast(frame) {
  const text = JSON.stringify(frame);
  for (const ws of sockets.keys()) if (ws.readyState === 1) ws.send(text);
}
function event(c, kind, extra = {}) {
  c.last_seq++;
  const e = { conversation_id: c.id, seq: c.last_seq, kind, at: iso(now()), ...extra };
  c.events.push(e);
  return e;
}
function publish(c, events) {
  cursor++;
  broadcast({ type: 'conversation', conversation: convView(c), events });
  for (const [ws, me] of sockets) if (ws.readyState === 1) ws.send(JSON.stringify({ type: 'counts', counts: counts(me) }));
}
function preview(c, m) {
  c.preview = { text: m.text || (m.media?.[0]?.name ?? ''), kind: m.kind, direction: m.direction, status: m.status };
}
function addMessage(c, fields) {
  const m = {
    id: randomUUID(), conversation_id: c.id, seq: c.last_seq + 1, kind: 'text', text: '', status: 'received', direction: 'in', source: 'contact', created_at: iso(now()), sort_at: iso(now()), attempt: 1, ...fields,
  };
  c.messages.push(m);
  if (m.direction !== 'note') c.last_message_at = m.created_at;
  preview(c, m);
  if (m.direction === 'in') {
    c.unread++;
    c.last_inbound_at = m.created_at;
  }
  publish(c, [event(c, 'message', { message: m, actor: m.agent_id })]);
  return m;
}
function setStatus(c, m, status) {
  m.status = status;
  if (c.messages.at(-1) === m) preview(c, m);
  publish(c, [event(c, 'status', { message: m })]);
}
function goes(c, m) {
  if (m.direction !== 'out') return;
  [['sending', 200], ['sent', 500], ['delivered', 1200], ['read', 3000]].forEach(([s, ms]) => setTimeout(() => setStatus(c, m, s), ms));
}

// --- the routes ------------------------------------------------------------------------------------------------------------------
const list = (items, url) => {
  const limit = Number(url.searchParams.get('limit') ?? 50);
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const page = items.slice(from, from + limit);
  return { items: page, next: from + limit < items.length ? String(from + limit) : undefined };
};
const conv = (id) => db.conversations.find((c) => c.id === id) ?? refuse(404, 'not_found');
const holder = (c, me) => {
  if (c.status === 'closed') refuse(409, 'conversation_ended');
  if (c.agent_id !== me.id) refuse(409, 'not_controller', { agent_id: c.agent_id });
  return c;
};
const give = (c, to, how, actor) => {
  c.status = 'assigned';
  c.controller = 'agent';
  const from = c.agent_id;
  c.agent_id = to;
  c.assigned_at = iso(now());
  publish(c, [event(c, 'assigned', { actor, data: { from, to, how, load: 1, capacity: 15 } })]);
  return convView(c, to);
};
const settings = (what) => broadcast({ type: 'settings', what });
const byId = (name, id) => db[name].find((x) => x.id === id) ?? refuse(404, 'not_found');

function templatePreview(t, values) {
  const fill = (text) =>
    text.split(/(\{\{\w+\}\})/).filter(Boolean).map((part) => {
      const key = /^\{\{(\w+)\}\}$/.exec(part)?.[1];
      return key ? { text: values[key] || part, variable: key } : { text: part };
    });
  return { header: t.header ? { kind: 'TEXT', runs: fill(t.header) } : undefined, body: fill(t.body), footer: t.footer, buttons: t.buttons ?? [] };
}
const templateView = (t) => {
  const { body, header, buttons, footer, ...rest } = t;
  return { ...rest, preview: templatePreview(t, Object.fromEntries(t.variables.map((v) => [v.key, v.example]))) };
};

const routes = [
  ['POST', '/session', async ({ body, res }) => {
    const a = db.agents.find((x) => x.email === body.email);
    if (!a || body.password === 'wrong') refuse(401, 'wrong_credentials');
    res.setHeader('Set-Cookie', `gatehouse=${a.id}; Path=/; HttpOnly; SameSite=Strict`);
    return meView(a);
  }, 'open'],
  ['DELETE', '/session', ({ res }) => void res.setHeader('Set-Cookie', 'gatehouse=; Path=/; Max-Age=0')],
  ['GET', '/setup/:token', ({ p }) => (p.token === 'used' ? refuse(404, 'not_found') : {}), 'open'],
  ['POST', '/setup/:token', ({ body, res }) => {
    const a = db.agents[0];
    Object.assign(a, { name: body.name, email: body.email });
    res.setHeader('Set-Cookie', `gatehouse=${a.id}; Path=/; HttpOnly; SameSite=Strict`);
    return meView(a);
  }, 'open'],
  ['GET', '/me', ({ me }) => meView(me)],
  ['PUT', '/me/prefs', ({ me, body }) => void (me.prefs = body)],
  ['PUT', '/me/password', ({ me, body }) => (body.current === 'wrong' ? refuse(401, 'wrong_credentials') : ((me.must_change_password = false), meView(me)))],
  ['PUT', '/me/presence', ({ me, body }) => {
    Object.assign(me, { presence: body.presence, break_reason: body.reason, presence_since: iso(now()) });
    broadcast({ type: 'presence', agent_id: me.id, presence: me.presence, break_reason: me.break_reason, since: me.presence_since, load: load(me.id), capacity: me.capacity });
    return meView(me);
  }],
  ['GET', '/counts', ({ me }) => (modes.empty ? { mine: 0, queue: 0, pending: 0, expiring: 0, all: 0, unread: 0, departments: {} } : counts(me.id))],
  ['GET', '/conversations', ({ me, url }) => {
    const q = url.searchParams;
    if (modes.empty) return { items: [] };
    const view = q.get('view') ?? 'mine';
    const text = (q.get('q') ?? '').toLocaleLowerCase('tr');
    const found = db.conversations.filter((c) =>
      (text && view === 'all' ? true : inView[view](c, me.id)) && (!q.get('department') || c.department_id === q.get('department')) && (!q.get('account') || c.account_id === q.get('account')) &&
      (!q.get('channel') || db.accounts.find((a) => a.id === c.account_id).kind === q.get('channel')) && (!text || `${c.contact.name} ${c.preview.text}`.toLocaleLowerCase('tr').includes(text)));
    found.sort(sorts[q.get('sort') ?? 'newest']);
    return list(found.map((c) => convView(c, me.id)), url);
  }],
  ['POST', '/conversations/pull', ({ me }) => {
    const c = db.conversations.filter((x) => x.status === 'waiting').sort(sorts.waiting)[0] ?? refuse(409, 'nothing_waiting');
    return give(c, me.id, 'pulled', me.id);
  }],
  ['GET', '/conversations/:id', ({ p, me }) => {
    const c = conv(p.id);
    const contact = db.contacts.find((x) => x.id === c.contact.id);
    return { ...convView(c, me.id), contact_detail: contact, history: db.history[contact.id] ?? [], events: c.events.filter((e) => !e.message) };
  }],
  ['GET', '/conversations/:id/messages', ({ p, url }) => {
    const c = conv(p.id);
    const before = Number(url.searchParams.get('before') ?? Infinity);
    const limit = Number(url.searchParams.get('limit') ?? 50);
    const found = c.messages.filter((m) => m.seq < before).sort((a, b) => b.seq - a.seq);
    return { items: found.slice(0, limit), next: found.length > limit ? String(found[limit - 1].seq) : undefined };
  }],
  ['GET', '/conversations/:id/events', ({ p, url }) => ({ items: conv(p.id).events.filter((e) => e.seq > Number(url.searchParams.get('since') ?? 0)) })],
  ['POST', '/conversations/:id/messages', ({ p, me, body, req }) => {
    const key = req.headers['idempotency-key'] ?? refuse(400, 'invalid');
    if (idempotent.has(key)) return idempotent.get(key);
    const c = conv(p.id);
    if (!body.note) {
      holder(c, me);
      if (me.presence !== 'online') refuse(409, 'not_online');
      if (c.window.phase === 'closed' && !body.template) refuse(422, 'window_closed');
    }
    const t = body.template && byId('templates', body.template.id);
    const media = (body.attachments ?? []).map((id) => db.media.get(id));
    const kind = t ? 'template' : media.length ? (media[0].type.startsWith('image/') ? 'image' : media[0].type.startsWith('video/') ? 'video' : 'document') : 'text';
    const m = addMessage(c, {
      direction: body.note ? 'note' : 'out', source: 'agent', agent_id: me.id, status: body.note ? 'sent' : 'pending', kind, reply_to: body.reply_to, media: media.length ? media : undefined,
      text: t ? templatePreview(t, body.template.values).body.map((r) => r.text).join('') : (body.text ?? ''), template: t && { id: t.id, name: t.name, language: t.language, category: t.category }, buttons: t?.buttons?.map((b, i) => ({ id: String(i), title: b.text })),
    });
    idempotent.set(key, m);
    goes(c, m);
    return [201, m];
  }],
  ['POST', '/conversations/:id/read', ({ p, me, body }) => {
    const c = conv(p.id);
    c.read_seq = Math.max(c.read_seq, body.seq);
    c.unread = c.messages.filter((m) => m.direction === 'in' && m.seq > c.read_seq).length;
    publish(c, [event(c, 'read')]);
    return convView(c, me.id);
  }],
  ['POST', '/conversations/:id/unread', ({ p, me, body }) => {
    const c = conv(p.id);
    c.read_seq = body.seq;
    c.unread = c.messages.filter((m) => m.direction === 'in' && m.seq > c.read_seq).length;
    publish(c, [event(c, 'read')]);
    return convView(c, me.id);
  }],
  ['POST', '/conversations/:id/take', ({ p, me }) => {
    const c = conv(p.id);
    if (c.status !== 'waiting') refuse(409, 'already_taken', { agent_id: c.agent_id });
    return give(c, me.id, 'taken', me.id);
  }],
  ['POST', '/conversations/:id/assign', ({ p, me, body }) => give(conv(p.id), body.agent_id, 'assigned', me.id)],
  ['POST', '/conversations/:id/return', ({ p, me }) => {
    const c = holder(conv(p.id), me);
    Object.assign(c, { status: 'waiting', controller: 'queue', agent_id: undefined, waiting_since: iso(now()) });
    publish(c, [event(c, 'queued', { actor: me.id, data: { department: c.department_id, from: me.id, why: 'returned' } })]);
    return convView(c, me.id);
  }],
  ['POST', '/conversations/:id/pend', ({ p, me }) => {
    const c = holder(conv(p.id), me);
    c.status = 'pending';
    publish(c, [event(c, 'pended', { actor: me.id })]);
    return convView(c, me.id);
  }],
  ['POST', '/conversations/:id/unpend', ({ p, me }) => {
    const c = holder(conv(p.id), me);
    c.status = 'assigned';
    publish(c, [event(c, 'reopened', { actor: me.id })]);
    return convView(c, me.id);
  }],
  ['POST', '/conversations/:id/end', ({ p, me, body }) => {
    const c = holder(conv(p.id), me);
    const r = byId('end_reasons', body.reason_id);
    Object.assign(c, { status: 'closed', controller: 'none', ended_at: iso(now()), ended_by: me.id, end_reason_id: r.id, end_note: body.note });
    publish(c, [event(c, 'ended', { actor: me.id, data: { reason: r.id, label: r.label, note: body.note } })]);
    return convView(c, me.id);
  }],
  ['POST', '/conversations/:id/reopen', ({ p, me }) => {
    const c = conv(p.id);
    if (me.presence !== 'online') refuse(409, 'not_online');
    c.ended_at = undefined;
    return give(c, me.id, 'reopened', me.id);
  }],
  ['GET', '/conversations/:id/draft', ({ p, me }) => {
    const d = conv(p.id).drafts ?? {};
    return { items: ['reply', 'note'].flatMap((tab) => (d[`${me.id}.${tab}`] ? [{ tab, ...d[`${me.id}.${tab}`] }] : [])) };
  }],
  ['PUT', '/conversations/:id/draft', ({ p, me, body }) => {
    const c = conv(p.id);
    (c.drafts ??= {})[`${me.id}.${body.tab}`] = { text: body.text, reply_to: body.reply_to, updated_at: iso(now()) };
  }],
  ['DELETE', '/conversations/:id/draft', ({ p, me, url }) => void delete (conv(p.id).drafts ?? {})[`${me.id}.${url.searchParams.get('tab')}`]],
  ['POST', '/conversations/:id/messages/:mid/reaction', ({ p, body }) => {
    const c = conv(p.id);
    const m = c.messages.find((x) => x.id === p.mid);
    m.reactions = [...(m.reactions ?? []).filter((r) => r.direction !== 'out'), ...(body.emoji ? [{ direction: 'out', emoji: body.emoji }] : [])];
    publish(c, [event(c, 'reaction', { message: m })]);
    return m;
  }],
  ['POST', '/conversations/:id/messages/:mid/retry', ({ p }) => {
    const c = conv(p.id);
    const m = c.messages.find((x) => x.id === p.mid);
    Object.assign(m, { status: 'pending', attempt: m.attempt + 1, error: undefined });
    publish(c, [event(c, 'status', { message: m })]);
    goes(c, m);
    return m;
  }],
  ['GET', '/messages/:mid', ({ p }) => db.conversations.flatMap((c) => c.messages).find((m) => m.id === p.mid) ?? refuse(404, 'not_found')],
  ['POST', '/uploads', ({ raw, req }) => {
    const name = /filename="([^"]*)"/.exec(raw.toString('latin1'))?.[1] ?? 'file';
    const type = /Content-Type: ([^\r]+)/.exec(raw.toString('latin1'))?.[1] ?? 'application/octet-stream';
    const start = raw.indexOf('\r\n\r\n') + 4;
    const end = raw.lastIndexOf('\r\n--');
    const id = randomUUID();
    const bytes = raw.subarray(start, end);
    void req;
    db.files.set(id, { type, bytes });
    const media = { id, state: 'ready', type, name: Buffer.from(name, 'latin1').toString('utf8'), size: bytes.length, url: `/api/v1/media/${id}` };
    db.media.set(id, media);
    return [201, media];
  }],
  ['GET', '/media/:id/link', ({ p }) => ({ url: `/api/v1/media/${p.id}` })],
  ['GET', '/contacts/:id', ({ p }) => byId('contacts', p.id)],
  ['PATCH', '/contacts/:id', ({ p, body }) => {
    const k = byId('contacts', p.id);
    Object.assign(k, body, { display_name: body.name || k.identities[0].profile_name || k.identities[0].value });
    for (const c of db.conversations.filter((x) => x.contact.id === k.id)) c.contact = { ...c.contact, name: k.display_name, has_name: true };
    return k;
  }],
  ['GET', '/templates', ({ url }) => {
    const account = url.searchParams.get('account') ?? conv(url.searchParams.get('conversation')).account_id;
    return { items: modes.empty ? [] : db.templates.filter((t) => t.account_id === account).map(templateView) };
  }],
  ['POST', '/templates/:id/preview', ({ p, body }) => {
    const t = byId('templates', p.id);
    return { preview: templatePreview(t, body.values), problems: t.variables.filter((v) => !body.values[v.key]).map((v) => ({ variable: v.key, code: 'value_missing', message: `${v.label} is missing` })) };
  }],
  ['GET', '/desk', (ask) => {
    const names = ask.url.searchParams.get('only')?.split(',') ?? Object.keys(LISTS);
    return Object.fromEntries(names.map((name) => [name, routes.find(([method, path]) => method === 'GET' && path === LISTS[name])[2](ask).items]));
  }],
  ['GET', '/channel-kinds', () => ({ items: db.kinds })],
  ['GET', '/channel-accounts', () => ({ items: db.accounts })],
  ['POST', '/channel-accounts', ({ body }) => {
    const secrets = db.kinds.find((k) => k.kind === body.kind).settings.filter((s) => s.secret).map((s) => s.name);
    const id = randomUUID();
    const a = {
      id, kind: body.kind, name: body.name, address: body.settings.phone_number_id ?? '', state: 'connected', state_reason: '', department_id: body.department_id, language: body.language,
      settings: Object.fromEntries(Object.entries(body.settings).filter(([k]) => !secrets.includes(k))), secrets_set: secrets.filter((s) => body.settings[s]), webhook_url: `https://desk.maviev.com/webhooks/${body.kind}/${id}`,
    };
    db.accounts.push(a);
    settings('accounts');
    return a;
  }],
  ['PATCH', '/channel-accounts/:id', ({ p, body }) => {
    const a = byId('accounts', p.id);
    const { settings: given = {}, ...rest } = body;
    Object.assign(a, rest);
    for (const [k, v] of Object.entries(given)) if (!a.secrets_set.includes(k)) a.settings[k] = v;
    settings('accounts');
    return a;
  }],
  ['POST', '/channel-accounts/:id/sync-templates', ({ p }) => {
    setTimeout(() => ((byId('accounts', p.id).templates_synced_at = iso(now())), settings('accounts')), 800);
    return [202, undefined];
  }],
  ['POST', '/channel-accounts/:id/:verb', ({ p }) => {
    const a = byId('accounts', p.id);
    if (p.verb !== 'check') a.state = p.verb === 'disable' ? 'disabled' : 'connected';
    settings('accounts');
    return a;
  }],
  ['GET', '/agents', () => ({ items: db.agents.map(agentView) })],
  ['POST', '/agents', ({ body }) => {
    const a = { id: randomUUID(), state: 'active', presence: 'offline', permissions: [], must_change_password: true, ...body };
    db.agents.push(a);
    settings('agents');
    return agentView(a);
  }],
  ['PATCH', '/agents/:id', ({ p, body }) => {
    const a = byId('agents', p.id);
    Object.assign(a, body);
    settings('agents');
    return agentView(a);
  }],
  ['POST', '/agents/:id/password', ({ p }) => void (byId('agents', p.id).must_change_password = true)],
  ['POST', '/agents/:id/:verb', ({ p }) => {
    const a = byId('agents', p.id);
    a.state = p.verb === 'disable' ? 'disabled' : 'active';
    settings('agents');
    return agentView(a);
  }],
  ...crud('departments', '/departments', (d) => {
    const members = db.agents.filter((a) => a.departments.includes(d.id) && a.state === 'active');
    return { description: '', color: 0, policy: 'least_busy', sticky: true, return_on_break: false, return_after_s: 0, ...d, total: members.length, online: members.filter((a) => a.presence === 'online').length, on_break: members.filter((a) => a.presence === 'break').length, waiting: db.conversations.filter((c) => c.department_id === d.id && c.status === 'waiting').length };
  }, (d) => db.conversations.some((c) => c.department_id === d.id) && refuse(409, 'in_use')),
  ...crud('end_reasons', '/end-reasons'),
  ...crud('break_reasons', '/break-reasons'),
  ...crud('canned_replies', '/canned-replies'),
  ['GET', '/api-keys', () => ({ items: db.api_keys })],
  ['POST', '/api-keys', ({ body }) => {
    const k = { id: randomUUID(), created_at: iso(now()), ...body };
    db.api_keys.push(k);
    return { ...k, key: `ghk_${createHash('sha256').update(k.id).digest('base64url')}` };
  }],
  ['DELETE', '/api-keys/:id', ({ p }) => void (db.api_keys = db.api_keys.filter((k) => k.id !== p.id))],
];

const LISTS = {
  departments: '/departments', agents: '/agents', accounts: '/channel-accounts', kinds: '/channel-kinds',
  end_reasons: '/end-reasons', break_reasons: '/break-reasons', canned_replies: '/canned-replies',
};

function crud(name, path, view = (x) => x, before = () => {}) {
  return [
    ['GET', path, () => ({ items: db[name].map(view) })],
    ['POST', path, ({ body }) => {
      const x = { id: randomUUID(), ...(path.endsWith('reasons') ? { position: db[name].length + 1, disabled: false } : {}), ...body };
      db[name].push(x);
      settings(name);
      return view(x);
    }],
    ['PATCH', `${path}/:id`, ({ p, body }) => {
      const x = byId(name, p.id);
      Object.assign(x, body);
      settings(name);
      return view(x);
    }],
    ['DELETE', `${path}/:id`, ({ p }) => {
      before(byId(name, p.id));
      db[name] = db[name].filter((x) => x.id !== p.id);
      settings(name);
    }],
  ];
}

function match(pattern, path) {
  const a = pattern.split('/');
  const b = path.split('/');
  if (a.length !== b.length) return undefined;
  const p = {};
  for (let i = 0; i < a.length; i++) {
    if (a[i].startsWith(':')) p[a[i].slice(1)] = decodeURIComponent(b[i]);
    else if (a[i] !== b[i]) return undefined;
  }
  return p;
}
const agentOf = (req) => db.agents.find((a) => a.id === /gatehouse=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]);

// --- control: GET /__mock?reset=1&empty=1&error=0&incoming=<name>&text=…&window=<name>:<minutes>&typing=<name>&viewer=<name>&drop=1 ------------
function control(url) {
  const q = url.searchParams;
  if (q.has('reset')) {
    db = world(now());
    for (const m of Object.keys(modes)) modes[m] = false;
  }
  for (const m of Object.keys(modes)) if (q.has(m)) modes[m] = q.get(m) === '1';
  const named = (name) => db.conversations.find((c) => c.contact.name === name);
  if (q.has('incoming')) addMessage(named(q.get('incoming')), { text: q.get('text') ?? 'Merhaba' });
  if (q.has('window')) {
    const [name, minutes] = q.get('window').split(':');
    const c = named(name);
    c.window = Number(minutes) > 0 ? { phase: Number(minutes) > 120 ? 'open' : 'closing', shuts_at: iso(now() + minutes * 60e3) } : { phase: 'closed' };
    publish(c, [event(c, 'window')]);
  }
  if (q.has('typing')) broadcast({ type: 'contact_typing', conversation_id: named(q.get('typing')).id });
  if (q.has('viewer')) broadcast({ type: 'viewers', conversation_id: named(q.get('viewer')).id, viewers: [{ agent_id: db.agents[1].id, typing: q.get('is') === 'typing' }] });
  if (q.has('break')) Object.assign(db.agents[0], { presence: 'break', break_reason: db.break_reasons[0].id });
  if (q.has('drop')) for (const ws of sockets.keys()) ws.terminate();
  if (q.has('signout')) broadcast({ type: 'signed_out' });
}

const server = createServer(async (req, res) => {
  const url = new URL(req.url, 'http://mock');
  if (url.pathname === '/__mock') {
    control(url);
    return res.end('ok');
  }
  if (modes.cut) return req.socket.destroy();
  if (!url.pathname.startsWith('/api/v1/')) return file(url, res);
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  const path = url.pathname.slice('/api/v1'.length);
  if (modes.slow && req.method === 'GET' && path.startsWith('/conversations')) await new Promise((r) => setTimeout(r, 60_000));
  const media = /^\/media\/([^/]+)$/.exec(path);
  if (media) {
    const f = db.files.get(media[1]);
    res.writeHead(f ? 200 : 404, { 'Content-Type': f?.type ?? 'text/plain', 'Accept-Ranges': 'bytes' });
    return res.end(f?.bytes);
  }
  try {
    if (modes.error && req.method === 'GET' && path !== '/me') refuse(500, 'internal');
    const me = agentOf(req);
    for (const [method, pattern, handle, open] of routes) {
      const p = req.method === method && match(pattern, path);
      if (!p) continue;
      if (!open && !me) refuse(401, 'session_over');
      const body = raw.length && req.headers['content-type']?.startsWith('application/json') ? JSON.parse(raw) : {};
      const answer = await handle({ p, me, body, raw, url, req, res });
      const [status, value] = Array.isArray(answer) ? answer : [answer === undefined ? 204 : 200, answer];
      res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      return res.end(value === undefined ? '' : JSON.stringify(value));
    }
    refuse(404, 'not_found');
  } catch (e) {
    const refused = e instanceof Refused ? e : new Refused(500, 'internal');
    if (refused !== e) console.error(e);
    res.writeHead(refused.status, { 'Content-Type': 'application/json' });
    res.end(JSON.stringify({ error: { code: refused.code, message: refused.code, request_id: 'mock-0001', details: refused.details } }));
  }
});

async function file(url, res) {
  const path = normalize(url.pathname).replace(/^(\.\.[/\\])+/, '');
  const name = extname(path) ? join(DIST, path) : join(DIST, 'index.html');
  try {
    const bytes = await readFile(name);
    res.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff' });
    res.end(bytes);
  } catch {
    res.writeHead(404).end();
  }
}

const live = new WebSocketServer({ noServer: true });
server.on('upgrade', (req, socket, head) => {
  const me = agentOf(req);
  if (!me || modes.down || modes.cut) return socket.destroy();
  live.handleUpgrade(req, socket, head, (ws) => {
    sockets.set(ws, me.id);
    ws.on('close', () => sockets.delete(ws));
    ws.on('message', (data) => {
      const frame = JSON.parse(data);
      if (frame.type === 'hello') {
        ws.send(JSON.stringify({ type: 'welcome', cursor: String(cursor), server_time: iso(now()), agent_id: me.id, node: 'mock' }));
        if (frame.cursor && frame.cursor !== String(cursor)) ws.send(JSON.stringify({ type: 'resync', cursor: String(cursor) }));
      }
      if (frame.type === 'ping') ws.send(JSON.stringify({ type: 'pong', cursor: String(cursor), server_time: iso(now()) }));
    });
  });
});
server.listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}  deniz@maviev.com, any password`));
