import { expect, test } from 'vitest';
import { area, ceiling, highest, marks, path, type Line } from './chart';

const line = (values: (number | null)[]): Line => ({ key: 'a', label: 'a', tone: 'accent', values });

test('the ground ends at a round number', () => {
  expect([0, 0.004, 1, 1.2, 3, 7, 10, 99, 101].map((v) => ceiling(v))).toEqual([1, 1, 1, 2, 5, 10, 10, 100, 200]);
  expect(ceiling(0.0123, 0.01)).toBeCloseTo(0.02);
});
test('bars stand on each other, lines do not', () => {
  const two = [line([1, 2, null]), line([3, null, 4])];
  expect(highest(two, true)).toBe(4);
  expect(highest([line([3, 1]), line([2, 4])], true)).toBe(5);
  expect(highest([line([3, 1]), line([2, 4])], false)).toBe(4);
  expect(highest([], false)).toBe(0);
});
test('a missing value breaks the line, and one alone is a dash', () => {
  const x = (i: number) => i * 10;
  const y = (v: number) => 10 - v;
  expect(path([1, 2, null, 3], x, y)).toBe('M0.0 9.0L10.0 8.0M30.0 7.0m-3 0h3');
  expect(area([1, 2, null, 3], x, y)).toBe('M0.0 10.0L0.0 9.0L10.0 8.0L10.0 10.0ZM30.0 10.0L30.0 7.0L30.0 10.0Z');
  expect(path([null], x, y) + area([null], x, y)).toBe('');
});
test('times are written at quarters, and over a day every six hours', () => {
  const from = new Date(2026, 10, 12, 13, 41).getTime();
  expect(marks(from, 60_000, 60)).toEqual([4, 19, 34, 49]);
  expect(marks(new Date(2026, 10, 12, 13, 40).getTime(), 600_000, 144).map((i) => i * 10)).toEqual([260, 620, 980, 1340]);
});
