import { expect, test } from 'vitest';
import { readCapacity } from './capacity';

test('a capacity is a whole number from 0 to the most that the server takes', () => {
  for (const [typed, n] of [['0', 0], ['15', 15], [' 500 ', 500], ['007', 7]] as const) expect(readCapacity(typed), typed).toBe(n);
  for (const typed of ['', ' ', '501', '-1', '1.5', '1e2', 'ten', '99999999999999999999']) expect(readCapacity(typed), typed).toBeUndefined();
});
