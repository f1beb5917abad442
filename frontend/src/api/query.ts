/** TanStack Query's client: what is asked again, and when. */
import { QueryClient } from '@tanstack/react-query';
import { ApiError, NetworkError } from './errors';

const MOST_TRIES = 4;

/** 429 and 503 are asked again after `Retry-After`; a refusal is not. */
export function shouldRetry(failures: number, error: unknown): boolean {
  if (failures >= MOST_TRIES) return false;
  if (error instanceof NetworkError) return true;
  return error instanceof ApiError && (error.status === 429 || error.status >= 502);
}

/** Milliseconds before try `failures + 2`, at least what the server asked for. */
export function retryDelay(failures: number, error: unknown): number {
  const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
  return Math.max(asked, Math.min(1000 * 2 ** failures, 15_000)) + Math.random() * 500;
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: shouldRetry,
        retryDelay,
        staleTime: 10_000, // the plan counts requests: 60 a minute
        refetchOnWindowFocus: 'always',
        networkMode: 'always', // the browser's idea of being online is often wrong on loopback
      },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}
