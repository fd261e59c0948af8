/** Links to files live five minutes; a dead one is asked for again, once per failure. */
import { api } from '../lib/api/client';
import type { ID, Media } from '../lib/api/types';

const fresh = new Map<ID, { url: string; thumb_url?: string }>();

export function mediaUrl(media: Media, thumb = false): string | undefined {
  const link = fresh.get(media.id) ?? media;
  return thumb ? (link.thumb_url ?? link.url) : link.url;
}

export async function renewMedia(media: Media, thumb = false): Promise<string | undefined> {
  const link = await api<{ url: string; thumb_url?: string }>('GET', `/media/${media.id}/link`);
  fresh.set(media.id, link);
  return thumb ? (link.thumb_url ?? link.url) : link.url;
}

/** Saves a file. The live stream brings no links and old ones are dead, so each press asks for its own. */
export async function saveMedia(media: Media) {
  const link = document.createElement('a');
  link.href = (await renewMedia(media))!;
  link.download = media.name ?? '';
  link.click();
}
