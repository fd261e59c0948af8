/** What loader and frame tell each other, over a MessagePort that the loader hands over once both origins are known. */

/** The first message, from the page's window to the frame's, with a port. */
export interface Greeting {
  gatehouse: 1;
  page: { url: string; title: string };
  locale: string; // of the page's html element
  open: boolean;
  name: string;
}

export type ToFrame =
  | { type: 'open' }
  | { type: 'close' }
  | { type: 'locale'; locale: string }
  | { type: 'name'; name: string };

export type ToPage =
  | { type: 'close' }
  | { type: 'started' } // a chat has begun: later pages load the frame without being asked
  | { type: 'unread'; count: number; name: string } // name: who wrote the newest; the text stays in the frame
  | { type: 'message'; name: string }; // somebody wrote just now

/** How an account's chat looks: GET config, and data-look of the frame's page. Written by gateway/widget/site.go. */
export interface Look {
  account: string;
  title: string;
  subtitle?: string;
  greeting?: string;
  teaser?: string;
  language: 'auto' | 'en' | 'tr';
  fallback: 'en' | 'tr';
  theme: 'auto' | 'light' | 'dark';
  side: 'end' | 'start';
  offset_x: number;
  offset_y: number;
  colors: { brand: string; on_brand: string; light: Shades; dark: Shades };
  text_limit: number;
  file_limit: number;
  accept: string[];
}

export interface Shades {
  accent: string;
  on_accent: string;
  accent_text: string;
  accent_soft: string;
  out: string;
}

/** How dates and numbers are written: as the browser's region does, in the language spoken. */
export const region = (spoken: string) => (navigator.language.startsWith(spoken) ? navigator.language : spoken);

/** The language to speak: what was set, else what the page or the browser speaks, else the account's. */
export function language(look: Look, asked: string): 'en' | 'tr' {
  const known = (tag: string) => /^(en|tr)\b/i.exec(tag)?.[1]!.toLowerCase() as 'en' | 'tr' | undefined;
  return known(look.language) ?? known(asked) ?? known(navigator.language) ?? look.fallback;
}
