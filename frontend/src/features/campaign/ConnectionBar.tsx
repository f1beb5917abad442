import { Alert, Button, Group, Text } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { CircleCheckIcon, WifiOffIcon } from '../../components/icons';
import { live, useLiveStatus } from '../../live';
import { ENDED } from './progress';

interface ConnectionBarProps {
  recovered: number | null;
  onForget: () => void;
  status: string;
}

/** Only speaks when the live connection is not what it should be, or has just come back. */
export function ConnectionBar({ recovered, onForget, status }: ConnectionBarProps) {
  const { t } = useTranslation(['campaign', 'common']);
  const state = useLiveStatus();
  useEffect(() => {
    if (recovered === null) return;
    const timer = setTimeout(onForget, 20_000);
    return () => {
      clearTimeout(timer);
    };
  }, [recovered, onForget]);

  if (state.kind === 'waiting' && !ENDED.has(status)) {
    return (
      <Alert color="orange" variant="outline" icon={<WifiOffIcon aria-hidden />} role="status">
        <Group justify="space-between" gap="xs">
          <Text size="sm">
            <RetryCountdown key={state.retryAt} until={state.retryAt} />
          </Text>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => {
              live.connectNow();
            }}
          >
            {t('common:live.now')}
          </Button>
        </Group>
      </Alert>
    );
  }
  if (state.kind === 'refused') {
    return (
      <Alert color="orange" variant="outline" icon={<WifiOffIcon aria-hidden />} role="status">
        {t('common:live.refused')}
      </Alert>
    );
  }
  if (recovered !== null && state.kind === 'live') {
    return (
      <Alert
        color="brand"
        variant="outline"
        icon={<CircleCheckIcon aria-hidden />}
        role="status"
        withCloseButton
        closeButtonLabel={t('common:action.close')}
        onClose={onForget}
      >
        {t('recovered', { count: recovered })}
      </Alert>
    );
  }
  return null;
}

function RetryCountdown({ until }: { until: number }) {
  const { t } = useTranslation();
  const left = (): number => Math.max(0, Math.ceil((until - Date.now()) / 1000));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    const timer = setInterval(() => {
      setSeconds(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    }, 500);
    return () => {
      clearInterval(timer);
    };
  }, [until]);
  return <>{t('live.waiting', { seconds })}</>;
}
