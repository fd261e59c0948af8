/** The language of the interface. Sentences live in messages/*.json; only the chosen language is loaded. */
import type english from '../../../messages/en.json';
import type operators from '../../../messages/ops/en.json';
import { format, segments, type Params, type Segment } from './icu';

export type Key = keyof typeof english | keyof typeof operators;
export type Language = 'en' | 'tr';

type Catalogue = Partial<Record<Key, string>>;
type Catalogues = Record<Language, () => Promise<{ default: Catalogue }>>;

const everywhere: Catalogues = {
  en: () => import('../../../messages/en.json'),
  tr: () => import('../../../messages/tr.json'),
};

let language = $state<Language>('en');
let catalogue = $state.raw({} as Catalogue);

export function browserLanguage(): Language {
  return document.documentElement.lang === 'tr' ? 'tr' : 'en';
}

/** The catalogues in use: that of every page, and those of pages that bring their own. */
const inUse = new Set([everywhere]);

/** Adds the words of a page that few people open. */
export async function useWords(own: Catalogues) {
  inUse.add(own);
  await useLanguage(language);
}

export async function useLanguage(next: Language) {
  const all = await Promise.all([...inUse].map((c) => c[next]()));
  catalogue = Object.assign({}, ...all.map((c) => c.default));
  language = next;
  document.documentElement.lang = next;
}

export function currentLanguage(): Language {
  return language;
}

/** The BCP 47 tag for Intl. English dates are day first: `12 Nov`. */
export function locale(): string {
  return language === 'tr' ? 'tr-TR' : 'en-GB';
}

export function t(key: Key, params: Params = {}): string {
  return format(catalogue[key] ?? key, params, locale());
}

export function rich(key: Key, params: Params = {}): Segment[] {
  return segments(catalogue[key] ?? key, params, locale());
}

/** A key made from data, if the catalogue has it. */
export function known(key: string): Key | undefined {
  return key in catalogue ? (key as Key) : undefined;
}
