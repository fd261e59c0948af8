/**
 * The shapes of /api/v1 (DESIGN.md §5). This file is the contract between gateway/api (Go) and the inbox (Svelte):
 * a test on the Go side compares its JSON with the names here. Everything is snake_case, times are RFC 3339 UTC, ids are
 * UUIDs, an absent optional field and null mean the same.
 */

export type ID = string;
export type Time = string;

export interface Page<T> {
  items: T[];
  next?: string; // opaque cursor; absent on the last page
}

/** Every refusal. `code` is one of the closed set of chat.Code; details are facts for its sentence. */
export interface ApiError {
  error: { code: string; message: string; request_id: string; details?: Record<string, unknown> };
}

// --- who -------------------------------------------------------------------------------------------------------------

export type Role = 'admin' | 'manager' | 'agent';
export type Presence = 'online' | 'break' | 'offline';
export type Behavior = 'normal' | 'assigned_only' | 'normal_and_assigned';

/** GET /me — also what POST /session answers with. */
export interface Me {
  id: ID;
  name: string;
  email: string;
  role: Role;
  permissions: string[]; // accounts, agents, departments, end_reasons, canned_replies, templates, api_keys, assign, see_all
  departments: ID[];
  presence: Presence;
  break_reason?: ID;
  presence_since: Time;
  behavior: Behavior;
  capacity: number;
  load: number;
  must_change_password: boolean;
  prefs: Prefs;
  csrf: string; // send back as X-CSRF-Token on every unsafe request
  server_time: Time; // the clock that windows are decided by
  demo: boolean; // seeded demo: /demo exists
}

/** PUT /me/prefs replaces it whole; unknown keys are kept. */
export interface Prefs {
  theme?: 'system' | 'light' | 'dark';
  language?: 'en' | 'tr';
  sort?: Record<string, string>; // view -> sort
  shortcuts?: boolean;
  enter_sends?: boolean;
  sound?: { on: boolean; volume: number };
  after_end?: 'next' | 'stay';
  sections?: Record<string, boolean>; // folded panel sections
  list_width?: number;
}

export interface Agent {
  id: ID;
  name: string;
  email?: string; // admins and managers only
  second_factor?: boolean; // those who manage agents only
  role: Role;
  state: 'invited' | 'active' | 'disabled';
  behavior: Behavior;
  capacity: number;
  load: number;
  languages: string[];
  departments: ID[];
  presence: Presence;
  break_reason?: ID;
  presence_since?: Time;
  seen_at?: Time;
}

export interface Department {
  id: ID;
  name: string;
  description: string;
  color: number; // 0..7
  policy: 'round_robin' | 'least_busy' | 'longest_idle' | 'random';
  sticky: boolean;
  return_on_break: boolean;
  return_after_s: number;
  total: number;
  online: number;
  on_break: number;
  waiting: number;
}

export interface EndReason { id: ID; label: string; position: number; disabled: boolean }
export interface BreakReason { id: ID; label: string; position: number; disabled: boolean }
/** GET /api-keys. POST answers the same with `key`, the only time it is shown. */
export interface ApiKey { id: ID; name: string; role: Role; scopes: string[]; departments?: ID[]; created_at: Time; used_at?: Time; key?: string }
/** GET /me/sessions */
export interface OwnSession { id: ID; created_at: Time; used_at: Time; expires_at: Time; user_agent: string; ip: string; current: boolean }
/** GET /me/totp; `recovery_codes` that are left. */
export interface TOTP { enabled: boolean; recovery_codes: number }
/** POST /me/totp: shown once; `url` is what a QR code holds. */
export interface NewTOTP { secret: string; url: string }
/** POST /me/totp/confirm: shown once. */
export interface RecoveryCodes { recovery_codes: string[] }
/** GET /audit, the latest first. Neither agent nor key: the operator at the machine. */
export interface AuditEntry {
  id: number; // without a gap
  at: Time;
  agent_id?: ID;
  api_key_id?: ID;
  action: string; // agent.updated …
  object_id?: ID;
  name: string; // of the object, as it was then
  details: Record<string, unknown>;
}
/** GET /ops/vitals. Seconds are numbers with a fraction. */
export interface Vitals {
  at: Time;
  since?: Time; // of the first sample within the span
  signs: VitalSign[]; // what needs somebody, the worst first; none: all is well
  now: VitalGauges;
  due: DueRows[];
  nodes: Node[];
  accounts: AccountSigns[];
  aside: TroubledEvent[]; // could not be applied, the latest first; at most 50
  unrouted: TroubledEvent[]; // of accounts that are not here
  series: VitalSeries;
  limits: VitalLimits;
}
/** Something that is wrong: an alert's name without “Gatehouse”, and the facts for its sentence. */
export interface VitalSign {
  id: string;
  severity: 'critical' | 'warning';
  count: number;
  seconds: number;
  part: number; // 0 to 1
  name: string; // of the process, department or account
  kind: string; // the account's channel, the process's role
  reason: string;
  account_id?: ID;
}
export interface VitalGauges {
  waiting: number;
  longest_s: number;
  agents_online: number;
  load: number;
  capacity: number;
  snapshot_s: number;
  queue_pending?: number; // absent: Redis did not answer
  queue_archived?: number;
  queue_behind_s?: number;
}
export interface DueRows { what: string; count: number; oldest_s: number; counts: (number | null)[] }
export interface Node {
  id: string;
  role: 'all' | 'gateway' | 'worker';
  host: string;
  version: string;
  started_at: Time;
  seen_at: Time;
  alive: boolean;
  redis: boolean;
  postgres_s: number;
  sockets: number;
}
/** What was heard and sent last is known by the minute, for a week; the counts are of the last hour. */
export interface AccountSigns {
  id: ID;
  heard_at?: Time;
  sent_at?: Time;
  pending: number; // raw events that wait
  unsent: number;
  heard: number;
  sent: number;
  failed: number;
  unknown: number;
  reason: string; // the code of the last failure
  paused_until?: Time;
  synced_at?: Time; // templates
}
export interface TroubledEvent { id: ID; account_id?: ID; kind: string; key: string; received_at: Time; since: Time; attempts: number; why: string }
/** Lists of equal length, one element a step. null: nobody sampled it, or there was nothing to measure. */
export interface VitalSeries {
  from: Time;
  step_s: number;
  webhooks: number[];
  refused: number[];
  accept_p95: (number | null)[];
  ingest_p95: (number | null)[];
  oldest_s: (number | null)[];
  waiting: (number | null)[];
  sent: number[];
  failed: number[];
  unknown: number[];
  recovered: number[];
  behind_s: (number | null)[];
}
/** What signs begin at. */
export interface VitalLimits { ingest_s: number; behind_s: number }
/** POST /ops/replay {events} */
export interface Replayed { replayed: number }
/** GET /conversations/{id}/draft → Page<Draft>, at most one for each tab. */
export interface Draft { tab: 'reply' | 'note'; text: string; reply_to?: ID; updated_at: Time }
export interface CannedReply { id: ID; shortcut: string; title: string; text: string; personal: boolean }

// --- channels ----------------------------------------------------------------------------------------------------------

export type ChannelKind = string; // 'whatsapp' | 'instagram' | 'webchat' | … open: new kinds need no UI edit

export interface Setting { name: string; label: string; help?: string; secret: boolean; required: boolean; default?: string }

/** GET /channel-kinds */
export interface KindInfo {
  kind: ChannelKind;
  label: string;
  settings: Setting[];
  limits: Limits;
  window: { open_s: number; human_agent_s: number; templates: boolean; free_entry_s: number };
  webhook: boolean;
}

export interface Limits {
  templates: boolean;
  text_limit: number; // 0 = unlimited
  text_bytes: boolean;
  caption: number; // 0 = no caption
  media: Record<string, { types: string[]; bytes: number }>; // by message kind
  location: boolean;
  reactions: boolean;
  reply_to: boolean;
  buttons: number;
  list: boolean;
  typing: boolean;
  read_marks: boolean;
  delivered: boolean;
  read: boolean;
}

export interface ChannelAccount {
  id: ID;
  kind: ChannelKind;
  name: string;
  address: string;
  state: 'connected' | 'degraded' | 'disabled' | 'disconnected';
  state_reason: string;
  department_id: ID;
  language: string;
  settings: Record<string, string>; // without secrets
  secrets_set: string[]; // names of secrets that are saved; admins only
  webhook_url?: string; // admins only
  templates_synced_at?: Time;
}

// --- conversations -----------------------------------------------------------------------------------------------------

export type ConversationStatus = 'waiting' | 'assigned' | 'pending' | 'closed';
export type MessageStatus =
  | 'received' | 'pending' | 'sending' | 'sent' | 'delivered' | 'read' | 'played' | 'failed' | 'unknown';
export type MessageKind =
  | 'text' | 'image' | 'video' | 'audio' | 'voice' | 'document' | 'sticker' | 'location' | 'contacts' | 'interactive'
  | 'order' | 'template' | 'share' | 'story_mention' | 'unsupported';

/** One row of a list, and the head of a thread. */
export interface Conversation {
  id: ID;
  account_id: ID;
  contact: ContactBrief;
  department_id: ID;
  agent_id?: ID;
  status: ConversationStatus;
  controller: 'bot' | 'queue' | 'agent' | 'none';
  priority: number;
  last_seq: number;
  read_seq: number;
  unread: number;
  last_message_at: Time;
  last_inbound_at?: Time;
  preview: { text: string; kind: MessageKind; direction: 'in' | 'out' | 'note'; status: MessageStatus };
  waiting_since?: Time;
  assigned_at?: Time;
  created_at: Time;
  ended_at?: Time;
  ended_by?: ID;
  end_reason_id?: ID;
  end_note?: string;
  window: Window;
  draft?: string; // the caller's draft, shortened
}

export interface ContactBrief { id: ID; name: string; address: string; has_name: boolean }

/** What the composer may do, decided by internal/window at server_time; the client counts down to the times. */
export interface Window {
  phase: 'none' | 'open' | 'closing' | 'human' | 'closed' | 'opted_out' | 'free_entry';
  shuts_at?: Time; // free text ends (margin included)
  human_until?: Time; // phase human: a person may still answer
  free_entry_until?: Time;
}

/** GET /conversations/{id} */
export interface ConversationDetail extends Conversation {
  contact_detail: Contact;
  history: ConversationBrief[]; // the contact's other conversations, newest first, at most 20, within scope
  events: ThreadEvent[]; // events other than messages' own (assigned, queued, ended …) of the newest page
}

export interface ConversationBrief {
  id: ID; account_id: ID; kind: ChannelKind; status: ConversationStatus; last_message_at: Time; ended_at?: Time;
  end_reason?: string; agent_id?: ID; preview: string;
}

export interface Contact {
  id: ID;
  name: string; // as edited; empty = profile name
  display_name: string;
  language: string;
  opted_out: boolean;
  created_at: Time;
  identities: { id: ID; kind: ChannelKind; type: string; value: string; profile_name: string; username: string }[];
}

export interface Media {
  id: ID; state: 'pending' | 'ready' | 'failed' | 'expired' | 'remote'; type: string; name?: string; size?: number;
  width?: number; height?: number; duration_ms?: number; animated?: boolean; voice?: boolean;
  thumb?: boolean; // a thumbnail can be had
  error?: string;
  url?: string; // short-lived authorised link (5 min), when ready; refetch GET /media/{id}/link for a new one
  thumb_url?: string;
}

/** A message; `external_id` is the provider's id. */
export interface Message {
  id: ID;
  conversation_id: ID;
  seq: number;
  direction: 'in' | 'out' | 'note';
  kind: MessageKind;
  text: string;
  truncated?: boolean; // text is cut at 64 kB; GET /messages/{id} has all of it
  media?: Media[];
  location?: { latitude: number; longitude: number; name?: string; address?: string; url?: string };
  contacts?: unknown[];
  buttons?: { id: string; title: string; url?: string }[];
  list?: { button: string; sections: { title?: string; rows: { id: string; title: string; description?: string }[] }[] };
  choice?: { type: string; id?: string; answers?: unknown };
  order?: { catalog_id?: string; items: { sku: string; quantity: number; price: string }[]; total: string; currency: string };
  template?: { id: ID; name: string; language: string; category: string };
  referral?: { source?: string; source_id?: string; url?: string; headline?: string; body?: string; ref?: string };
  product?: { catalog_id?: string; sku: string };
  share?: { type: string; id?: string; url?: string; title?: string };
  story?: { type: string; id?: string; url?: string; title?: string };
  forwarded?: '' | 'forwarded' | 'frequently';
  header?: string;
  footer?: string;
  unsupported?: { type?: string; code?: string; detail?: string };
  status: MessageStatus;
  error?: { code: string; provider?: string; detail?: string };
  agent_id?: ID;
  source: 'contact' | 'agent' | 'api' | 'phone_app' | 'system' | 'history';
  external_id?: string;
  reply_to?: ID;
  reactions?: { direction: 'in' | 'out'; emoji: string }[];
  provider_at?: Time;
  created_at: Time;
  sort_at: Time; // order of display: (sort_at, seq); never changes after the first display
  late?: boolean;
  edited_at?: Time;
  deleted_at?: Time;
  attempt: number;
  due_at?: Time; // pending: when it will go out, if it waits for a limit
}

/** One numbered event; those about a message carry the message as it stands. */
export interface ThreadEvent {
  conversation_id: ID;
  seq: number;
  kind:
    | 'message' | 'status' | 'reaction' | 'edited' | 'deleted' | 'media' | 'queued' | 'assigned' | 'pended' | 'unpended' | 'ended'
    | 'reopened' | 'read' | 'window' | 'identity' | 'referral' | 'call' | 'opt_out' | 'opt_in';
  at: Time;
  actor?: ID;
  message?: Message;
  data?: Record<string, unknown>; // chat.QueuedData, AssignedData (with decision), EndedData …
}

/** POST /conversations/{id}/messages. With an Idempotency-Key header (a UUID) a repetition answers the same. Exactly one content. Answer: Message. */
export interface SendMessage {
  note?: boolean; // seen by agents only; needs no window
  text?: string; // also the caption
  reply_to?: ID;
  attachments?: ID[]; // from POST /uploads; several become several messages, the caption on the first
  location?: { latitude: number; longitude: number; name?: string; address?: string };
  buttons?: { id: string; title: string }[];
  list?: { button: string; sections: { title?: string; rows: { id: string; title: string; description?: string }[] }[] };
  template?: { id?: ID; name?: string; language?: string; values: Record<string, string> }; // by its id, or by its name
}

// --- templates -----------------------------------------------------------------------------------------------------------

export interface Template {
  id: ID;
  account_id: ID;
  name: string;
  language: string;
  category: 'MARKETING' | 'UTILITY' | 'AUTHENTICATION' | string;
  status: string; // APPROVED, PAUSED, …
  quality: string;
  rejected_reason?: string;
  usable: boolean;
  reason?: string; // why not: template_paused …
  variables: { key: string; component: string; kind: string; label: string; example?: string; max: number }[];
  preview: TemplatePreview; // with the examples filled in
}

export interface TemplatePreview {
  header?: { kind: string; runs?: Run[] };
  body: Run[];
  footer?: string;
  buttons: { kind: string; text: string; url?: string }[];
}
export interface Run { text: string; variable?: string }

/** POST /templates/{id}/preview {values} */
export interface TemplateCheck { preview: TemplatePreview; problems: { variable: string; code: string; message: string; limit?: number }[] }

// --- live ----------------------------------------------------------------------------------------------------------------

/**
 * GET /live (WebSocket, same origin, cookie). The client's first frame is Hello; the server answers Welcome, then whatever
 * changed since `cursor` as ordinary frames (or Resync: fetch everything again), then live frames. Every frame that
 * carries a cursor may be remembered and given in the next Hello. A frame with events whose seq leaves a gap after what
 * the client has: GET /conversations/{id}/events?since=seq.
 */
export type ClientFrame =
  | { type: 'hello'; cursor?: string }
  | { type: 'ping' }
  | { type: 'viewing'; conversation_id?: ID; typing?: boolean }; // what this tab shows; typing = writing a reply

export type ServerFrame =
  | { type: 'welcome'; cursor: string; server_time: Time; agent_id: ID; node: string; versions: Record<string, number> } // of the desk's lists
  | { type: 'resync'; cursor: string }
  | { type: 'pong'; cursor: string; server_time: Time }
  | { type: 'conversation'; conversation: Conversation; events: ThreadEvent[] } // no draft in it
  | { type: 'gone'; conversation_id: ID } // no longer visible to this agent
  | { type: 'counts'; counts: Counts }
  | { type: 'presence'; agent_id: ID; presence: Presence; break_reason?: ID; since: Time; load?: number; capacity?: number } // load and capacity only while it is news
  | { type: 'viewers'; conversation_id: ID; viewers: { agent_id: ID; typing: boolean }[] }
  | { type: 'contact_typing'; conversation_id: ID } // shown for 8 s
  | { type: 'account'; account_id: ID; state: string; state_reason: string }
  | { type: 'settings'; what: 'departments' | 'agents' | 'end_reasons' | 'break_reasons' | 'canned_replies' | 'accounts' | 'templates'; version?: number } // without one: read it again
  | { type: 'signed_out' };

/**
 * GET /desk?only= — each list whole; one that was not asked for is left out. A list is at least as new as its version here: who is told a
 * later one by the stream reads it again. Kinds have none, for they change with the build only.
 */
export interface DeskLists {
  versions: Record<string, number>;
  departments?: Department[];
  agents?: Agent[];
  accounts?: ChannelAccount[];
  kinds?: KindInfo[];
  end_reasons?: EndReason[];
  break_reasons?: BreakReason[];
  canned_replies?: CannedReply[];
}

/** GET /counts */
export interface Counts {
  mine: number; queue: number; pending: number; expiring: number; all: number; unread: number; // conversations
  departments: Record<ID, number>; // open ones
}
