import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type * as clientModule from './client';
import type * as sessionModule from './session';

type Client = typeof clientModule;
type Session = typeof sessionModule;

const SESSION = {
  success: true,
  refresh_token: 'never-kept',
  token_type: 'Bearer',
  expires_in: 900,
  user: { id: 1, email: 'dona@example.com', role: 'owner', tenant: 'Loja' },
};

let asked: string[];
let refreshes: number;
let refreshable: boolean;
let accepted: string;
let session: Session;
let client: Client;

const answer = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers });

const fault = (status: number, code: string, headers = {}): Response =>
  answer(
    { success: false, error: { code, message: `Frase de ${code}.`, request_id: 'req-1' } },
    status,
    headers,
  );

let respond: (path: string) => Response;

beforeEach(async () => {
  vi.resetModules();
  asked = [];
  refreshes = 0;
  refreshable = true;
  accepted = 'token-1';
  respond = () => answer({ success: true, instances: [] });
  vi.stubGlobal('fetch', async (input: Request | string, init?: RequestInit) => {
    const path = typeof input === 'string' ? input : new URL(input.url).pathname;
    const headers = new Headers(typeof input === 'string' ? init?.headers : input.headers);
    asked.push(path);
    await Promise.resolve();
    if (path === '/api/auth/refresh') {
      if (!refreshable) return fault(401, 'session_ended');
      refreshes += 1;
      return answer({ ...SESSION, access_token: `token-${refreshes}` });
    }
    if (headers.get('Authorization') !== `Bearer ${accepted}`) return fault(401, 'session_ended');
    return respond(path);
  });
  session = await import('./session');
  client = await import('./client');
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const instances = () => client.told(client.api.GET('/api/instances'));

it('goes on with the cookie when the page is loaded', async () => {
  await session.start();
  expect(session.sessionState()).toMatchObject({ status: 'signedIn', user: { id: 1 } });
});

it('shows the sign-in where there is no cookie', async () => {
  refreshable = false;
  await session.start();
  expect(session.sessionState()).toEqual({ status: 'signedOut' });
});

it('renews once, however many requests find the token refused', async () => {
  await session.start();
  accepted = 'token-2';
  await Promise.all([instances(), instances(), instances()]);
  expect(refreshes).toBe(2);
});

it('keeps the page and its user when the session cannot be renewed', async () => {
  await session.start();
  accepted = 'another';
  refreshable = false;
  await expect(instances()).rejects.toMatchObject({ name: 'SessionEnded' });
  expect(session.sessionState()).toMatchObject({ status: 'expired', user: { id: 1 } });
});

it('says a refusal with its code, sentence and request id', async () => {
  await session.start();
  respond = () => fault(403, 'forbidden');
  await expect(instances()).rejects.toMatchObject({
    status: 403,
    code: 'forbidden',
    message: 'Frase de forbidden.',
    requestId: 'req-1',
  });
});

it('asks nothing more until Retry-After has passed', async () => {
  vi.useFakeTimers();
  try {
    await session.start();
    const limited = { 'Retry-After': '12', 'RateLimit-Limit': '60' };
    respond = () => fault(429, 'rate_limited', limited);
    await expect(instances()).rejects.toMatchObject({ status: 429, retryAfterSeconds: 12 });
    respond = () => answer({ success: true, instances: [] });
    const before = asked.length;
    const waiting = instances();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(asked).toHaveLength(before);
    await vi.advanceTimersByTimeAsync(2_100);
    await waiting;
    expect(asked).toHaveLength(before + 1);
  } finally {
    vi.useRealTimers();
  }
});

it('keeps no token where another page or a visitor of the browser could read it', async () => {
  await session.start();
  await instances();
  // eslint-disable-next-line no-restricted-globals -- looks at what others must not use
  const kept = JSON.stringify({ ...localStorage, ...sessionStorage });
  expect(kept).not.toContain('token-');
  expect(kept).not.toContain('never-kept');
});
