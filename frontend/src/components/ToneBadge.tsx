import type { ReactNode } from 'react';
import classes from './ToneBadge.module.css';
import { type Tone, toneGround, toneText } from './tones';

/** A word on a coloured ground. */
export function ToneBadge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={classes.badge} style={{ color: toneText(tone), background: toneGround(tone) }}>
      {children}
    </span>
  );
}
