/** The plan's request rate: after a 429 nothing is asked until `Retry-After` has passed. */

type Listener = () => void;

let until = 0;
const listeners = new Set<Listener>();

/** Called for every 429. */
export function throttled(retryAfterSeconds: number): void {
  until = Math.max(until, Date.now() + retryAfterSeconds * 1000);
  for (const listener of listeners) listener();
}

/** When asking is allowed again, in epoch milliseconds; 0: it is. */
export function throttledUntil(): number {
  return until > Date.now() ? until : 0;
}

export function onThrottled(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Resolves when asking is allowed again. */
export async function allowance(signal?: AbortSignal | null): Promise<void> {
  const wait = throttledUntil() - Date.now();
  if (wait <= 0) return;
  // Spread, so that a page full of queries does not come back as one burst.
  await sleep(wait + Math.random() * 1000, signal);
}

export function sleep(milliseconds: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(new DOMException('aborted', 'AbortError'));
      },
      { once: true },
    );
  });
}
