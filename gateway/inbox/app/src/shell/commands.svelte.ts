/** Every action has a row in the command bar. The words are searched beside the label, in both languages whatever is shown. */
import type { Conversation } from '../lib/api/types';
import { currentLanguage, t } from '../lib/i18n/i18n.svelte';
import { VIEWS } from '../lib/model/list';
import { navigate } from '../lib/router.svelte';
import { desk } from '../lib/state/desk.svelte';
import { layout } from '../lib/state/layout.svelte';
import { session } from '../lib/state/session.svelte';
import { toasts } from '../lib/state/toasts.svelte';
import { asRefusal } from '../lib/api/client';
import type { IconName } from '../lib/ui/icons';
import { assign, deedsOf, end, pull } from '../inbox/deeds.svelte';
import { composerActions, focusComposer, listActions } from '../inbox/focus.svelte';
import { consolePages } from '../console/pages';
import { presenceWords } from './presence';

export interface Command {
  id: string;
  label: string;
  words?: string;
  note?: string;
  icon: IconName;
  keys?: string;
  reason?: string;
  /** Found by typing only. */
  quiet?: boolean;
  choices?: () => Command[];
  run: () => void;
}

const VIEW_WORDS: Record<string, string> = {
  mine: 'mine my benim bendekiler', queue: 'queue pool waiting sıra kuyruk bekleyen', pending: 'pending beklemede',
  expiring: 'expiring window süresi doluyor', history: 'history past ended geçmiş', all: 'all tümü hepsi',
};

function tell(doing: Promise<unknown>) {
  doing.catch((error) => toasts.show(`error.${asRefusal(error).code}` as 'error.internal', { tone: 'bad' }));
}

export function commands(c: Conversation | undefined): Command[] {
  const me = session.me!;
  const list: Command[] = [];
  if (c) {
    for (const d of deedsOf(c)) {
      const command: Command = { id: d.id, label: t(d.label), words: d.words, icon: d.icon, keys: d.keys, reason: d.reason, note: c.contact.name, run: d.run };
      if (d.id === 'end' && !d.reason) {
        command.choices = () =>
          desk.end_reasons.filter((r) => !r.disabled).map((r) => ({ id: `end-${r.id}`, label: r.label, icon: 'check' as const, run: () => void end(c, r, '') }));
      }
      if (d.id === 'assign') {
        command.choices = () =>
          desk.agents.filter((a) => a.state === 'active' && a.id !== c.agent_id)
            .map((a) => ({ id: `assign-${a.id}`, label: a.name, note: presenceWords(a), icon: 'person' as const, run: () => void assign(c, a.id) }));
      }
      list.push(command);
    }
    list.push(
      { id: 'reply', label: t('composer.reply'), words: 'reply yanıtla', icon: 'reply', keys: 'R', run: () => { composerActions.current?.tab('reply'); void focusComposer(); } },
      { id: 'note', label: t('composer.addNote'), words: 'note not ekle', icon: 'lock', keys: 'N', run: () => composerActions.current?.tab('note') },
      { id: 'attach', label: t('composer.attach'), words: 'attach file dosya ekle', icon: 'attach', keys: 'Ctrl Shift F', run: () => composerActions.current?.attach() },
      { id: 'canned', label: t('composer.canned'), words: 'canned reply hazır yanıt', icon: 'slash', keys: '/', run: () => { void focusComposer(); setTimeout(() => composerActions.current?.canned(), 50); } },
      { id: 'panel', label: t('panel.toggle'), words: 'contact panel kişi', icon: 'info', keys: 'I', run: () => (layout.panelOpen = !layout.panel) },
    );
  }
  list.push({ id: 'pull', label: t('deed.pull'), words: 'pull oldest next queue sıradaki en eski al', icon: 'queue', keys: 'Q', run: () => void pull() });
  for (const view of VIEWS) list.push({ id: `go-${view}`, label: t('command.go', { place: t(`view.${view}`) }), words: VIEW_WORDS[view], icon: 'arrow', run: () => navigate(`/inbox/${view}`) });
  list.push({ id: 'search', label: t('list.search'), words: 'search find ara bul', icon: 'search', keys: '/', run: () => listActions.search() });
  if (me.presence !== 'online') list.push({ id: 'online', label: t('presence.goOnline'), words: 'online çevrimiçi', icon: 'person', run: () => tell(session.setPresence('online')) });
  for (const r of desk.break_reasons.filter((r) => !r.disabled)) {
    list.push({ id: `break-${r.id}`, label: t('presence.breakFor', { reason: r.label }), words: 'break mola', icon: 'cup', quiet: true, run: () => tell(session.setPresence('break', r.id)) });
  }
  if (c) {
    for (const r of desk.canned_replies) {
      list.push({ id: `say-${r.id}`, label: `/${r.shortcut} ${r.title}`, words: r.text, icon: 'slash', quiet: true, run: () => { composerActions.current?.tab('reply'); setTimeout(() => composerActions.current?.insert(r.text), 50); } });
    }
  }
  for (const d of desk.departments) list.push({ id: `dep-${d.id}`, label: t('command.go', { place: d.name }), words: 'department departman', icon: 'people', quiet: true, run: () => navigate(`/inbox/d/${d.id}`) });
  for (const p of consolePages()) list.push({ id: p.id, label: t('command.go', { place: t(p.title) }), words: p.id === 'ops' ? 'ops operations health vital signs metrics queues dead letters işletim sağlık ölçüm' : 'console settings ayarlar yönetim', icon: p.icon, quiet: true, run: () => navigate(p.path) });
  list.push(
    { id: 'me', label: t('command.go', { place: t('nav.me') }), words: 'profile settings password theme language sound profil parola tema dil ses ayarlar', icon: 'person', run: () => navigate('/me') },
    { id: 'shortcuts', label: t('shortcuts.title'), words: 'keys help kısayol yardım', icon: 'keyboard', keys: '?', run: () => (layout.shortcuts = true) },
    { id: 'theme', label: t(document.documentElement.dataset.theme === 'dark' ? 'command.light' : 'command.dark'), words: 'theme dark light tema koyu açık', icon: 'eye', quiet: true, run: () => tell(session.savePrefs({ theme: document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark' })) },
    { id: 'language', label: t('command.language'), words: 'language dil english türkçe', icon: 'globe', quiet: true, run: () => tell(session.savePrefs({ language: currentLanguage() === 'tr' ? 'en' : 'tr' })) },
  );
  return list;
}
