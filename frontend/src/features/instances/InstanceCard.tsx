import { Button, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../app/useSession';
import { PauseIcon, PlayIcon, QrCodeIcon, Trash2Icon } from '../../components/icons';
import { useFormat } from '../../format';
import { conditionOf } from './condition';
import { ConditionBadge } from './InstanceLines';
import type { Instance, Move } from './queries';

interface InstanceCardProps {
  instance: Instance;
  /** When it was read, in epoch milliseconds. */
  now: number;
  /** Of this number is being asked right now. */
  busy: Move | 'remove' | null;
  onMove: (to: Move) => void;
  onRemove: () => void;
}

/** One number: what it can do, since when, and what can be done about it. */
export function InstanceCard({ instance, now, busy, onMove, onRemove }: InstanceCardProps) {
  const { t } = useTranslation('instances');
  const format = useFormat();
  const mayConnect = useMay('admin');
  const mayPause = useMay('operator');
  const condition = conditionOf(instance, now);
  const away = condition === 'offline' || condition === 'connecting';
  const paused = instance.paused_at !== null;
  return (
    <Paper withBorder p="md" component="article" aria-label={instance.name}>
      <Stack gap="xs">
        <Group justify="space-between" align="flex-start" gap="xs">
          <div>
            <Title order={2} size="h4">
              {instance.name}
            </Title>
            <Text size="sm" c="dimmed">
              {instance.phone === null ? t('noPhone') : format.phone(instance.phone)}
              {instance.adopted && ` · ${t('adopted')}`}
            </Text>
          </div>
          <ConditionBadge condition={condition} />
        </Group>
        <Text size="sm">{explanation()}</Text>
        <Text size="sm" c="dimmed">
          {instance.last_ack_at === null
            ? t('noAck')
            : t('lastAck', { when: format.relative(instance.last_ack_at) })}
        </Text>
        <Group gap="xs">
          {away && mayConnect && (
            <Button
              size="xs"
              leftSection={<QrCodeIcon size={16} aria-hidden />}
              loading={busy === 'connect'}
              onClick={() => {
                onMove('connect');
              }}
            >
              {t('connect')}
            </Button>
          )}
          {mayPause && (
            <Button
              size="xs"
              variant="default"
              leftSection={
                paused ? <PlayIcon size={16} aria-hidden /> : <PauseIcon size={16} aria-hidden />
              }
              loading={busy === 'pause' || busy === 'resume'}
              onClick={() => {
                onMove(paused ? 'resume' : 'pause');
              }}
            >
              {t(paused ? 'resume' : 'pause')}
            </Button>
          )}
          {mayConnect && (
            <Button
              size="xs"
              variant="subtle"
              color="red.9"
              c="var(--tone-bad-text)"
              leftSection={<Trash2Icon size={16} aria-hidden />}
              loading={busy === 'remove'}
              onClick={onRemove}
            >
              {t('remove')}
            </Button>
          )}
        </Group>
      </Stack>
    </Paper>
  );

  function explanation(): string {
    const { breaker } = instance;
    switch (condition) {
      case 'paused':
        return t('explain.paused', { when: format.relative(instance.paused_at ?? '') });
      case 'resting':
        return t('explain.resting', {
          why: breaker.reason_text ?? t('explain.errors', { count: breaker.errors_in_a_row }),
          until: format.time(breaker.open_until ?? ''),
        });
      case 'testing':
        return t('explain.testing');
      default:
        return t(`explain.${condition}`, { when: format.relative(instance.state_at) });
    }
  }
}
