import { Alert } from '@mantine/core';
import { useCallback, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { onThrottled, throttledUntil } from '../api/throttle';
import { Countdown } from '../components/Countdown';
import { HourglassIcon } from '../components/icons';

/** While the plan's request rate is used up: when the page goes on by itself. */
export function ThrottleBar() {
  const { t } = useTranslation();
  const until = useSyncExternalStore(onThrottled, throttledUntil);
  const [, again] = useState(0);
  const ended = useCallback(() => {
    again((count) => count + 1);
  }, []);
  if (until === 0) return null;
  return (
    <Alert
      color="yellow"
      variant="outline"
      icon={<HourglassIcon aria-hidden />}
      mb="md"
      role="status"
    >
      <Countdown
        key={until}
        until={until}
        onEnd={ended}
        say={(seconds) => t('throttle.body', { seconds })}
      />
    </Alert>
  );
}
