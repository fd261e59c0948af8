/** The language of the interface. Sentences live in messages/*.json; only the chosen language is loaded. */
import type english from '../../../messages/en.json';
import { format, segments, type Params, type Segment } from './icu';

export type Key = keyof typeof english;
export type Language = 'en' | 'tr';

type Catalogue = Record<Key, string>;

const catalogues: Record<Language, () => Promise<{ default: Catalogue }>> = {
  en: () => import('../../../messages/en.json'),
  tr: () => import('../../../messages/tr.json'),
};

let language = $state<Language>('en');
let catalogue = $state.raw({} as Catalogue);

export function browserLanguage(): Language {
  return document.documentElement.lang === 'tr' ? 'tr' : 'en';
}

export async function useLanguage(next: Language) {
  catalogue = (await catalogues[next]()).default;
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
