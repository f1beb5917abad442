/** The typed client: every path, body and answer comes from `/openapi.json` (schema.d.ts). */
import createClient from 'openapi-fetch';
import type { components, paths } from './schema';
import { NetworkError, readError, retryAfterOf, SessionEnded } from './errors';
import { accessToken, distrust } from './session';
import { allowance, throttled } from './throttle';

export type Schemas = components['schemas'];

/** `fetch` with the session: renews it when it has run out, waits while the rate is used up. */
export async function authorizedFetch(request: Request): Promise<Response> {
  const again = request.clone();
  const first = await once(request);
  if (first.status !== 401) return first;
  return once(again);
}

async function once(request: Request): Promise<Response> {
  if (request.method === 'GET') await allowance(request.signal);
  const token = await accessToken();
  request.headers.set('Authorization', `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new NetworkError(error);
  }
  if (response.status === 401) distrust(token);
  if (response.status === 429 && response.headers.has('RateLimit-Limit')) {
    throttled(retryAfterOf(response) ?? 1);
  }
  return response;
}

export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? 'http://localhost',
  fetch: authorizedFetch,
  querySerializer: { array: { style: 'form', explode: false } }, // status=running,paused
});

interface Answer<Body> {
  data?: Body;
  error?: unknown;
  response: Response;
}

/**
 * The body of an answer: `await told(api.GET('/api/instances'))`.
 *
 * Raises ApiError, NetworkError, SessionEnded.
 */
export async function told<Body>(asked: Promise<Answer<Body>>): Promise<Body> {
  const { data, error, response } = await asked;
  if (response.ok) return data as Body;
  throw await readError(
    new Response(JSON.stringify(error ?? {}), { status: response.status, headers: response.headers }),
  );
}

/** Asks something for once, however often it is sent: the value of an `Idempotency-Key` header. */
export function askedOnce(): string {
  return typeof crypto.randomUUID === 'function'
    ? crypto.randomUUID()
    : Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
        byte.toString(16).padStart(2, '0'),
      ).join('');
}

export { SessionEnded };
