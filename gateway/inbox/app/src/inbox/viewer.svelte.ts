/** The image that is looked at, with the others of its thread. */
import type { Media } from '../lib/api/types';

export interface Looked {
  media: Media;
  alt: string;
}

export const viewer = $state<{ list: Looked[]; at: number }>({ list: [], at: -1 });
