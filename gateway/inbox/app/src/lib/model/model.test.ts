import { describe, expect, test } from 'vitest';
import type { Limits } from '../api/types';
import { checkFile, kindOf, textLength } from './files';
import { fold, score } from './fold';
import { readable } from '../i18n/phone';
import { linkify } from './linkify';
import { viewWindow } from './window';

const NOW = Date.parse('2026-11-12T12:00:00Z');
const limits = { media: { image: { types: ['image/jpeg'], bytes: 5_000_000 }, video: { types: ['video/mp4'], bytes: 16_000_000 }, document: { types: ['application/pdf', 'image/*'], bytes: 100_000_000 } } } as unknown as Limits;

describe('window', () => {
  test('two hours before its end it warns, at the end it is closed by the clock alone', () => {
    const open = { phase: 'open', shuts_at: '2026-11-12T15:00:00Z' } as const;
    expect(viewWindow(open, NOW).phase).toBe('open');
    expect(viewWindow(open, NOW + 3_600_001)).toMatchObject({ phase: 'closing', tone: 'warn', free: true });
    expect(viewWindow(open, NOW + 3 * 3_600_000)).toMatchObject({ phase: 'closed', free: false });
  });
  test('the last ten minutes are marked', () => {
    const w = { phase: 'closing', shuts_at: '2026-11-12T12:10:00Z' } as const;
    expect(viewWindow(w, NOW).last).toBe(true);
    expect(viewWindow(w, NOW - 1000).last).toBe(false);
  });
  test('where a person may still answer, the end of the window leads there', () => {
    expect(viewWindow({ phase: 'open', shuts_at: '2026-11-12T11:00:00Z', human_until: '2026-11-18T12:00:00Z' }, NOW)).toMatchObject({ phase: 'human', free: true });
    expect(viewWindow({ phase: 'human', human_until: '2026-11-12T11:00:00Z' }, NOW).phase).toBe('closed');
  });
  test('who opted out gets nothing', () => expect(viewWindow({ phase: 'opted_out', shuts_at: '2026-11-13T12:00:00Z' }, NOW).free).toBe(false));
});

describe('files', () => {
  test('a type that the channel takes as a document only becomes a document', () => expect(kindOf('image/heic', limits)).toBe('document'));
  test('a type that it does not take is named by its ending', () => expect(checkFile({ name: 'a.EXE', type: 'application/x-msdownload', size: 1 }, limits)).toEqual({ code: 'media_type', extension: '.exe' }));
  test('a file over the limit names both sizes', () => expect(checkFile({ name: 'a.mp4', type: 'video/mp4', size: 41_000_000 }, limits)).toEqual({ code: 'media_too_large', kind: 'video', limit: 16_000_000, size: 41_000_000 }));
  test('what fits is no problem', () => expect(checkFile({ name: 'a.jpg', type: 'image/jpeg', size: 10 }, limits)).toBeUndefined());
  test('length is counted as the channel counts', () => {
    expect(textLength('ğ👍', { text_bytes: true } as Limits)).toBe(6);
    expect(textLength('ğ👍', { text_bytes: false } as Limits)).toBe(2);
  });
});

describe('finding', () => {
  test('Turkish letters fold to their plain forms', () => {
    expect(fold('İSTANBUL ışığı Çağrı')).toBe('istanbul isigi cagri');
  });
  test('a start beats a word’s start, that beats the inside, letters in order come last', () => {
    const [a, b, c, d] = [score('end', 'End'), score('end', 'Send and end'), score('end', 'Sender'), score('end', 'e-n-d')];
    expect([a, b, c, d]).toEqual([0, 2, 2, 3]);
    expect(score('end', 'to end')).toBe(1);
    expect(score('xyz', 'End')).toBeUndefined();
    expect(score('zeyn', 'Bize yazdığınız için teşekkür ederiz. İyi günler dileriz.')).toBeUndefined();
  });
});

describe('links', () => {
  test('only web addresses, without the sentence’s full stop', () => {
    expect(linkify('Bak: https://maviev.com/a?b=1. Tamam')).toEqual([{ text: 'Bak: ' }, { text: 'https://maviev.com/a?b=1', href: 'https://maviev.com/a?b=1' }, { text: '. Tamam' }]);
    expect(linkify('javascript:alert(1)')).toEqual([{ text: 'javascript:alert(1)' }]);
  });
});

describe('a phone number', () => {
  test.each([
    ['+905332041896', '+90 533 204 18 96'], ['+12025550123', '+1 202 555 0123'], ['+447911123456', '+44 791 112 34 56'], ['+35318012345', '+353 180 123 45'],
    ['@maviev', '@maviev'], ['+90 533', '+90 533'], ['', ''],
  ])('%s is read as %s', (given, want) => expect(readable(given).replaceAll('\u00a0', ' ')).toBe(want));
});
