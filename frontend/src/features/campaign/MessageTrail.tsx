import { Button, Stack, Text, Timeline, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ArrowLeftIcon } from '../../components/icons';
import { useFormat } from '../../format';
import classes from './MessageTrail.module.css';
import type { Message } from './queries';

/** One person: the text, and each step with its time. */
export function MessageTrail({ message, onBack }: { message: Message; onBack: () => void }) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const steps = [
    ['sent', message.sent_at],
    ['delivered', message.delivered_at],
    ['read', message.read_at],
    ['replied', message.replied_at],
  ] as const;
  const happened = steps.filter(([, at]) => at !== null);
  return (
    <Stack>
      <Button
        variant="subtle"
        size="compact-sm"
        leftSection={<ArrowLeftIcon size={16} aria-hidden />}
        onClick={onBack}
        style={{ alignSelf: 'flex-start' }}
      >
        {t('people.back')}
      </Button>
      <div>
        <Title order={3} size="h4">
          {message.nome}
        </Title>
        <Text c="dimmed" size="sm">
          {message.status === 'skipped' ? message.telefone : format.phone(message.telefone)} · {t('people.rowNumber', { row: message.position + 1 })}
          {message.instance !== null && ` · ${t('people.from', { name: message.instance })}`}
        </Text>
      </div>
      {message.message_text !== null && <div className={classes.bubble}>{message.message_text}</div>}
      <Text size="sm">
        <strong>{t(`message.${message.status as 'sent'}`)}</strong>
        {message.reason_text !== null && ` · ${message.reason_text}`}
        {message.attempts > 1 && ` · ${t('people.attempts', { count: message.attempts })}`}
      </Text>
      {message.detail !== null && (
        <Text size="xs" c="dimmed">
          {t('people.detail', { detail: message.detail })}
        </Text>
      )}
      {message.duplicate_suspected && <Text size="sm">{t('people.duplicate')}</Text>}
      {happened.length > 0 && (
        <Timeline active={happened.length} bulletSize={14} lineWidth={2}>
          {happened.map(([step, at]) => (
            <Timeline.Item key={step} title={t(`message.${step}`)}>
              <Text size="xs" c="dimmed">
                {format.dateTime(at ?? '')}
              </Text>
            </Timeline.Item>
          ))}
        </Timeline>
      )}
    </Stack>
  );
}
