import { Alert, Button, Code, Group, List, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ApiError, SessionEnded } from '../api/errors';
import { Countdown } from './Countdown';
import { TriangleAlertIcon } from './icons';
import { useErrorText } from './useErrorText';

interface ErrorPanelProps {
  error: unknown;
  /** Shown as "try again". */
  onRetry?: () => void;
  title?: string;
}

/** Any failed request: what happened in plain words, the request id, when to try again. */
export function ErrorPanel({ error, onRetry, title }: ErrorPanelProps) {
  const { t } = useTranslation();
  const textOf = useErrorText();
  if (error instanceof SessionEnded) return null; // the sign-in stands over the page already
  const known = error instanceof ApiError ? error : null;
  return (
    <Alert
      color="red"
      variant="outline"
      icon={<TriangleAlertIcon aria-hidden />}
      title={title ?? t('error.title')}
      role="alert"
    >
      <Text size="sm">{textOf(error)}</Text>
      {known !== null && known.fields.length > 0 && (
        <List size="sm" mt="xs">
          {known.fields.slice(0, 20).map((fault) => (
            <List.Item key={`${fault.path} ${fault.code}`}>
              <Code>{fault.path}</Code> {fault.message}
            </List.Item>
          ))}
        </List>
      )}
      <Group mt="xs" gap="sm">
        {onRetry !== undefined && (
          <Button size="xs" variant="default" onClick={onRetry}>
            {t('action.retry')}
          </Button>
        )}
        {known?.retryAfterSeconds != null && (
          <Text size="sm">
            <Countdown seconds={known.retryAfterSeconds} key={known.requestId} />
          </Text>
        )}
        {known?.requestId != null && (
          <Text size="xs" c="dimmed">
            {t('error.requestId')} <Code>{known.requestId}</Code>
          </Text>
        )}
      </Group>
    </Alert>
  );
}
