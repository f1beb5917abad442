import type { ReactNode } from 'react';
import classes from './TileGrid.module.css';

/** Tiles side by side, two at least on a phone. */
export function TileGrid({ children }: { children: ReactNode }) {
  return <div className={classes.grid}>{children}</div>;
}
