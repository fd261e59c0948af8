import { describe, expect, test } from 'vitest';
import en from '../../../messages/en.json';
import tr from '../../../messages/tr.json';
import opsEn from '../../../messages/ops/en.json';
import opsTr from '../../../messages/ops/tr.json';
import { argumentsOf, format, parse, segments } from './icu';

const english: Record<string, string> = { ...en, ...opsEn };
const turkish: Record<string, string> = { ...tr, ...opsTr };

describe('the two catalogues', () => {
  test('of one page say nothing that the others say', () => expect(Object.keys(opsEn).filter((key) => key in en)).toEqual([]));
  test('have the same keys', () => expect(Object.keys(turkish)).toEqual(Object.keys(english)));
  test.each(Object.keys(english))('%s parses and takes the same arguments in both', (key) => {
    expect(parse(english[key])).toBeTruthy();
    expect(argumentsOf(turkish[key])).toEqual(argumentsOf(english[key]));
  });
  test('have no exclamation marks and no capitals by hand', () => {
    for (const text of [...Object.values(english), ...Object.values(turkish)]) {
      expect(text).not.toMatch(/!/);
      expect(text).not.toMatch(/\b\p{Lu}{5,}\b/u);
    }
  });
});

describe('messages', () => {
  test('plurals follow the language', () => {
    const text = '{n, plural, =0 {none} one {# message} other {# messages}}';
    expect(format(text, { n: 0 }, 'en')).toBe('none');
    expect(format(text, { n: 1 }, 'en')).toBe('1 message');
    expect(format(text, { n: 1200 }, 'en')).toBe('1,200 messages');
  });
  test('bold parts are segments', () => {
    expect(segments('Open, <b>{left}</b> left', { left: '48 min' }, 'en')).toEqual([{ text: 'Open, ', bold: false }, { text: '48 min', bold: true }, { text: ' left', bold: false }]);
  });
  test('a missing argument stays visible', () => expect(format('Hello {name}', {}, 'en')).toBe('Hello {name}'));
  test('a broken sentence is refused', () => {
    expect(() => parse('{n')).toThrow();
    expect(() => parse('<b>x')).toThrow();
    expect(() => parse('{n, plural, one {#}}')).toThrow();
  });
});
