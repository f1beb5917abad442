/** How long a campaign takes, as the engine spaces its messages. */

export interface Pace {
  delayMin: number;
  delayMax: number;
}

/** Seconds between two messages on average; never less than the plan's rate allows. */
export function expectedGap(pace: Pace, messagesPerSecond: number): number {
  return Math.max((pace.delayMin + pace.delayMax) / 2, 1 / messagesPerSecond);
}

/** Seconds from the first message to the last. */
export function expectedSeconds(messages: number, pace: Pace, messagesPerSecond: number): number {
  return Math.max(0, messages - 1) * expectedGap(pace, messagesPerSecond);
}

export const PACES = [
  { name: 'calm', delayMin: 60, delayMax: 120 },
  { name: 'safe', delayMin: 30, delayMax: 60 },
  { name: 'quick', delayMin: 5, delayMax: 15 },
] as const;

/** Under this average a number is easily taken for a robot's. */
export const RISKY_GAP_SECONDS = 10;

export const isRisky = (pace: Pace): boolean =>
  (pace.delayMin + pace.delayMax) / 2 < RISKY_GAP_SECONDS;
