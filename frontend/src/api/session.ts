/**
 * The sign-in. The access token lives in this module and nowhere else; the refresh token is an
 * HttpOnly cookie the page cannot read. A refresh token works once and using one twice ends the
 * session, so renewals are one at a time: within a tab by a shared promise, among tabs by a lock.
 */
import type { components } from './schema';
import { NetworkError, readError, SessionEnded } from './errors';

export type User = components['schemas']['UserAnswer'];
type Shown = components['schemas']['SessionShown'];

export type SessionState =
  | { status: 'starting' }
  | { status: 'unreachable' }
  | { status: 'signedOut' }
  | { status: 'signedIn'; user: User }
  /** The user is known, what is typed stays, the password is asked for again. */
  | { status: 'expired'; user: User };

const EARLY_MS = 20_000;

let token: string | null = null;
let freshUntil = 0;
let state: SessionState = { status: 'starting' };
let renewal: Promise<void> | null = null;
const listeners = new Set<() => void>();

export function sessionState(): SessionState {
  return state;
}

export function onSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function become(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}

/** On loading the page: go on with the cookie's session, if there is one. */
export async function start(): Promise<void> {
  try {
    await renew();
  } catch (error) {
    if (!(error instanceof SessionEnded)) become({ status: 'unreachable' });
  }
}

/** Raises ApiError (401 invalid_credentials, 429 login_throttled) or NetworkError. */
export async function signIn(email: string, password: string): Promise<void> {
  const response = await post('/api/auth/login', { email, password });
  if (!response.ok) throw await readError(response);
  keep((await response.json()) as Shown);
}

/**
 * One's own password. Every other sign-in ends; this one goes on with the tokens of the answer.
 *
 * Raises ApiError (422 with the field, 429 login_throttled), SessionEnded or NetworkError.
 */
export async function changePassword(current: string, next: string): Promise<void> {
  const bearer = await accessToken();
  await alone(async () => {
    const body = { current_password: current, new_password: next };
    const response = await post('/api/auth/password', body, bearer);
    if (!response.ok) throw await readError(response);
    keep((await response.json()) as Shown);
  });
}

export async function signOut(): Promise<void> {
  const bearer = token;
  forget();
  become({ status: 'signedOut' });
  await post('/api/auth/logout', {}, bearer).catch(() => undefined);
}

/** A token that is good for a while yet. Raises SessionEnded or NetworkError. */
export async function accessToken(): Promise<string> {
  if (token === null || Date.now() > freshUntil) await renew();
  if (token === null) throw new SessionEnded();
  return token;
}

/** After a 401: the token is no longer good, whatever the clock says. */
export function distrust(refused: string): void {
  if (token === refused) token = null;
}

/** Raises SessionEnded or NetworkError. */
export function renew(): Promise<void> {
  renewal ??= alone(refresh).finally(() => {
    renewal = null;
  });
  return renewal;
}

async function refresh(): Promise<void> {
  const response = await post('/api/auth/refresh', {});
  if (response.ok) {
    keep((await response.json()) as Shown);
    return;
  }
  if (response.status !== 401) throw await readError(response);
  forget();
  become(
    state.status === 'signedIn' || state.status === 'expired'
      ? { status: 'expired', user: state.user }
      : { status: 'signedOut' },
  );
  throw new SessionEnded();
}

/** Browsers share the lock among tabs only where the page is secure (https or localhost). */
async function alone(work: () => Promise<void>): Promise<void> {
  if (!('locks' in navigator)) return work();
  await navigator.locks.request('rapidflow-session', work);
}

async function post(path: string, body: object, bearer: string | null = null): Promise<Response> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (bearer !== null) headers.Authorization = `Bearer ${bearer}`;
  try {
    return await fetch(path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      credentials: 'same-origin',
    });
  } catch (error) {
    throw new NetworkError(error);
  }
}

function keep(shown: Shown): void {
  token = shown.access_token;
  freshUntil = Date.now() + Math.max(shown.expires_in * 1000 - EARLY_MS, shown.expires_in * 500);
  become({ status: 'signedIn', user: shown.user });
}

function forget(): void {
  token = null;
  freshUntil = 0;
}
