import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { afterAll, afterPaint } from './paint';

let frames: (() => void)[];
beforeEach(() => {
  vi.useFakeTimers();
  frames = [];
  vi.stubGlobal('document', { hidden: false });
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => frames.push(run));
  vi.stubGlobal('cancelAnimationFrame', (id: number) => (frames[id - 1] = () => {}));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
const paint = () => frames.splice(0).forEach((run) => run());

test('it runs after the frame, once', () => {
  const run = vi.fn();
  afterPaint(run);
  vi.advanceTimersByTime(100);
  expect(run).not.toHaveBeenCalled();
  paint();
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(5000);
  expect(run).toHaveBeenCalledOnce();
});

test('a tab that is hidden before its frame comes does not wait until somebody looks', () => {
  const run = vi.fn();
  afterAll(run);
  vi.advanceTimersByTime(5000);
  expect(run).toHaveBeenCalledOnce();
  paint();
  vi.advanceTimersByTime(5000);
  expect(run).toHaveBeenCalledOnce();
});

test('what is called off never runs', () => {
  const run = vi.fn();
  afterPaint(run)();
  const stop = afterPaint(run);
  paint();
  stop();
  paint();
  vi.advanceTimersByTime(5000);
  expect(run).not.toHaveBeenCalled();
});
