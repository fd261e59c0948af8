// The state of the world as the server tells it, kept current by one long poll for the whole page.

export const state = {
  boot: '', rev: 0, skew: 0, movable: false, skewMs: 0, deskUrl: '', accounts: [], samples: [], desk: null, online: true,
  people: new Map(), // id → person
  threads: new Map(), // account|person → {messages: Map id → message, typingUntil, closesAt}
};

const listeners = new Set();

// subscribe calls f after every change; f gets the keys of the threads that changed.
export function subscribe(f) { listeners.add(f); }

function tell(changed) { for (const f of listeners) f(changed); }

// now is the world's time.
export function now() { return Date.now() + state.skew; }

export function thread(account, person) {
  const key = `${account}|${person}`;
  if (!state.threads.has(key)) state.threads.set(key, { messages: new Map(), typingUntil: 0, closesAt: 0 });
  return state.threads.get(key);
}

function apply(c) {
  const fresh = c.boot !== state.boot;
  if (fresh) {
    state.people.clear();
    state.threads.clear();
  }
  Object.assign(state, {
    boot: c.boot, rev: c.rev, skew: Date.parse(c.now) - Date.now(), movable: c.movable, skewMs: c.skew_ms, deskUrl: c.desk_url ?? '',
    accounts: c.accounts, samples: c.samples, desk: c.desk, online: true,
  });
  for (const p of c.people) state.people.set(p.id, p);
  const changed = new Set();
  for (const th of c.threads) {
    const mine = thread(th.account, th.person);
    mine.typingUntil = Date.now() + th.typing_ms;
    mine.closesAt = th.window_closes_at ? Date.parse(th.window_closes_at) : 0;
    for (const m of th.messages) mine.messages.set(m.id, m);
    changed.add(`${th.account}|${th.person}`);
  }
  tell({ threads: changed, fresh });
}

// follow polls for ever; without a server it waits a little longer each time, up to five seconds.
export async function follow() {
  let pause = 250;
  for (;;) {
    try {
      const reply = await fetch(`api/changes?since=${state.rev}&boot=${state.boot}`, { cache: 'no-store' });
      if (!reply.ok) throw new Error(String(reply.status));
      apply(await reply.json());
      pause = 250;
    } catch {
      state.online = false;
      tell({ threads: new Set(), fresh: false });
      await new Promise((done) => { setTimeout(done, pause); });
      pause = Math.min(pause * 2, 5000);
    }
  }
}

// ask sends a request and returns the answer; it throws the server's words.
export async function ask(method, path, body, type = 'application/json') {
  const reply = await fetch(`api/${path}`, { method, headers: { 'Content-Type': type }, body: type === 'application/json' ? JSON.stringify(body) : body });
  if (reply.status === 204) return null;
  const text = await reply.text();
  let answer = {};
  try { answer = JSON.parse(text); } catch { /* not ours: the status says enough */ }
  if (!reply.ok) throw new Error(answer.error ?? `${reply.status}`);
  return answer;
}

// act is what a person does in the chat with an account.
export function act(person, account, action) {
  return ask('POST', `people/${encodeURIComponent(person)}/actions?account=${encodeURIComponent(account)}`, action);
}
