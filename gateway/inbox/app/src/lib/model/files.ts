/** Checks a file against what the channel takes, before the server has to. */
import type { Limits, MessageKind } from '../api/types';

export type FileProblem = { code: 'media_type'; extension: string } | { code: 'media_too_large'; kind: MessageKind; limit: number; size: number };

const FAMILIES: MessageKind[] = ['image', 'video', 'audio'];

/** The kind a file would be sent as: its family if the channel takes that type there, else a document. */
export function kindOf(type: string, limits: Limits): MessageKind | undefined {
  const family = FAMILIES.find((kind) => type.startsWith(kind + '/'));
  if (family && takes(limits, family, type)) return family;
  return takes(limits, 'document', type) ? 'document' : undefined;
}

function takes(limits: Limits, kind: MessageKind, type: string): boolean {
  const limit = limits.media[kind];
  if (!limit) return false;
  const bare = type.split(';')[0].trim();
  return !limit.types?.length || limit.types.some((t) => t === bare || (t.endsWith('/*') && bare.startsWith(t.slice(0, -1))));
}

export function checkFile(file: { name: string; type: string; size: number }, limits: Limits): FileProblem | undefined {
  const kind = kindOf(file.type || 'application/octet-stream', limits);
  if (!kind) return { code: 'media_type', extension: extension(file.name) };
  const limit = limits.media[kind]?.bytes ?? 0;
  if (limit && file.size > limit) return { code: 'media_too_large', kind, limit, size: file.size };
}

export function extension(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot).toLowerCase() : name;
}

/** Length as the channel counts it. */
export function textLength(text: string, limits: Limits): number {
  return limits.text_bytes ? new TextEncoder().encode(text).length : [...text].length;
}
