const BASE_MS = 1000;
const CEILING_MS = 30_000;

/**
 * Milliseconds before reconnection `attempt` (1, 2, …): doubling from a second to thirty, and
 * somewhere between half and the whole of it, so that a restarted server is not met by everybody at
 * once. `dice` in [0, 1).
 */
export function reconnectDelay(attempt: number, dice: number): number {
  const whole = Math.min(BASE_MS * 2 ** attempt, CEILING_MS);
  return Math.max(BASE_MS, whole * (0.5 + dice / 2));
}
