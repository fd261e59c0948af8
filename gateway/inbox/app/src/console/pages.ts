/** The console's pages, grouped, and only those that the person may use. */
import type { Key } from '../lib/i18n/i18n.svelte';
import { session } from '../lib/state/session.svelte';
import type { IconName } from '../lib/ui/icons';

export interface ConsolePage {
  id: 'accounts' | 'agents' | 'departments' | 'canned-replies' | 'end-reasons' | 'break-reasons' | 'api-keys' | 'audit' | 'ops';
  group: 'channels' | 'people' | 'work' | 'workspace';
  path: string;
  title: Key;
  icon: IconName;
  permission: string;
}

const PAGES: ConsolePage[] = [
  { id: 'accounts', group: 'channels', path: '/console/accounts', title: 'console.accounts', icon: 'plug', permission: 'accounts' },
  { id: 'agents', group: 'people', path: '/console/agents', title: 'console.agents', icon: 'person', permission: 'agents' },
  { id: 'departments', group: 'people', path: '/console/departments', title: 'console.departments', icon: 'people', permission: 'departments' },
  { id: 'canned-replies', group: 'work', path: '/console/canned-replies', title: 'console.canned', icon: 'slash', permission: '' },
  { id: 'end-reasons', group: 'work', path: '/console/end-reasons', title: 'console.endReasons', icon: 'check', permission: 'end_reasons' },
  { id: 'break-reasons', group: 'work', path: '/console/break-reasons', title: 'console.breakReasons', icon: 'cup', permission: 'departments' },
  { id: 'api-keys', group: 'workspace', path: '/console/api-keys', title: 'console.apiKeys', icon: 'key', permission: 'api_keys' },
  { id: 'audit', group: 'workspace', path: '/console/audit', title: 'console.audit', icon: 'history', permission: 'see_all' },
  { id: 'ops', group: 'workspace', path: '/ops', title: 'console.ops', icon: 'pulse', permission: 'see_all' },
];

/** Canned replies of one's own are everybody's. */
export function consolePages(): ConsolePage[] {
  return PAGES.filter((p) => !p.permission || session.can(p.permission));
}
