import { Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ToneBadge } from '../../components/ToneBadge';
import { useFormat } from '../../format';
import { type Condition, CONDITION_TONES, conditionOf } from './condition';
import type { Instance } from './queries';

/** Numbers in one line each. */
export function InstanceLines({
  instances,
  now,
}: {
  instances: readonly Instance[];
  /** When they were read, in epoch milliseconds. */
  now: number;
}) {
  const { t } = useTranslation('instances');
  const format = useFormat();
  if (instances.length === 0) return <Text size="sm">{t('none')}</Text>;
  return (
    <Stack gap="xs" component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
      {instances.map((instance) => (
        <Group key={instance.id} component="li" justify="space-between" gap="xs">
          <div>
            <Text size="sm" fw={600}>
              {instance.name}
            </Text>
            <Text size="xs" c="dimmed">
              {instance.phone === null ? t('noPhone') : format.phone(instance.phone)}
            </Text>
          </div>
          <ConditionBadge condition={conditionOf(instance, now)} />
        </Group>
      ))}
    </Stack>
  );
}

export function ConditionBadge({ condition }: { condition: Condition }) {
  const { t } = useTranslation('instances');
  return <ToneBadge tone={CONDITION_TONES[condition]}>{t(`condition.${condition}`)}</ToneBadge>;
}
