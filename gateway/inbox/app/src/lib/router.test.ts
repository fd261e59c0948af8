import { expect, test, vi } from 'vitest';
import { goBack, navigate, route } from './router.svelte';

const told = vi.hoisted(() => {
  const told: string[] = [];
  const tell = (as: string) => (_: unknown, __: string, url: string) => void told.push(`${as} ${url.replace('http://desk', '')}`);
  vi.stubGlobal('location', { origin: 'http://desk', pathname: '/inbox/all', search: '?q=x' });
  vi.stubGlobal('history', { state: { inApp: true }, pushState: tell('push'), replaceState: tell('replace'), back: () => told.push('back') });
  vi.stubGlobal('document', { hidden: true });
  return told;
});

test('the address is at once what the app says, and the browser’s a little later, with every step that Back can take', async () => {
  navigate('/inbox/all/a', { soon: true });
  expect([route.path, route.search, told]).toEqual(['/inbox/all/a', '', []]);
  navigate('/inbox/all/b?q=y', { replace: true, soon: true });
  expect([route.path, route.query.get('q'), told]).toEqual(['/inbox/all/b', 'y', []]);
  navigate('/inbox/all/b?q=y', { soon: true }); // one is there
  navigate('/inbox/all/c', { soon: true });
  expect(told).toEqual(['push /inbox/all/b?q=y']);
  navigate('/me');
  expect(told).toEqual(['push /inbox/all/b?q=y', 'push /inbox/all/c', 'push /me']);
  navigate('/inbox/all/d', { soon: true });
  goBack('/inbox/all');
  expect(told.slice(3)).toEqual(['push /inbox/all/d', 'back']);
  navigate('/inbox/all/e', { soon: true });
  await vi.waitFor(() => expect(told.slice(5)).toEqual(['push /inbox/all/e']));
});
