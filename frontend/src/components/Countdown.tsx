import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

interface CountdownProps {
  /** From now; or an instant, `until`, in epoch milliseconds. */
  seconds?: number;
  until?: number;
  onEnd?: () => void;
  /** Other words for what is left. */
  say?: (seconds: number) => string;
}

/** "Try again in 12 s", counting down; at zero it says that now is a good time. */
export function Countdown({ seconds = 0, until, onEnd, say }: CountdownProps) {
  const { t } = useTranslation();
  const [end] = useState(() => until ?? Date.now() + seconds * 1000);
  const [left, setLeft] = useState(() => secondsUntil(end));
  useEffect(() => {
    const timer = setInterval(() => {
      const rest = secondsUntil(end);
      setLeft(rest);
      if (rest === 0) {
        clearInterval(timer);
        onEnd?.();
      }
    }, 250);
    return () => {
      clearInterval(timer);
    };
  }, [end, onEnd]);
  if (say !== undefined) return <>{say(left)}</>;
  return <>{left > 0 ? t('error.retryIn', { seconds: left }) : t('error.retryNow')}</>;
}

function secondsUntil(end: number): number {
  return Math.max(0, Math.ceil((end - Date.now()) / 1000));
}
