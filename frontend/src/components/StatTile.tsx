import { UnstyledButton } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './StatTile.module.css';
import { type Tone, toneText } from './tones';

interface StatTileProps {
  label: string;
  /** Formatted already; null while it is not known. */
  value: string | null;
  /** A second line: a share, a plain explanation. */
  hint?: ReactNode;
  tone?: Tone;
  icon?: ReactNode;
  /** Opens what the figure is made of; a tile without it is only read. */
  onOpen?: () => void;
  /** Said to screen readers after label and value: what opening does. */
  openLabel?: string;
}

/** One figure. Every figure about people can be opened to see them. */
export function StatTile({
  label,
  value,
  hint,
  tone = 'neutral',
  icon,
  onOpen,
  openLabel,
}: StatTileProps) {
  const body = (
    <>
      <span className={classes.label} style={{ color: toneText(tone) }}>
        {icon}
        {label}
      </span>
      <span className={classes.value}>{value ?? '–'}</span>
      {hint !== undefined && <span className={classes.hint}>{hint}</span>}
    </>
  );
  if (onOpen === undefined) return <div className={classes.tile}>{body}</div>;
  return (
    <UnstyledButton className={`${classes.tile} ${classes.opens}`} onClick={onOpen}>
      {body}
      {openLabel !== undefined && <span className="visually-hidden">{openLabel}</span>}
    </UnstyledButton>
  );
}
