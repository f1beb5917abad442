import { Button, Group, Modal, NumberInput, Select, Stack, Text } from '@mantine/core';
import { Controller, useForm, useWatch } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import type { Schemas } from '../../api/client';
import { showFaults } from '../../api/forms';
import { ErrorPanel } from '../../components/ErrorPanel';
import { notifyDone } from '../../components/notify';
import { useFormat } from '../../format';
import { useChange } from './queries';

interface Values {
  delayMin: number;
  delayMax: number;
  priority: string;
}

interface PaceDialogProps {
  id: string;
  campaign: Schemas['CampaignDetail'];
  opened: boolean;
  onClose: () => void;
}

/** Slower, faster, sooner: what may change while it runs. */
export function PaceDialog({ id, campaign, opened, onClose }: PaceDialogProps) {
  const { t } = useTranslation('campaign');
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('pace.title')}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <PaceForm id={id} campaign={campaign} onClose={onClose} />
    </Modal>
  );
}

function PaceForm({ id, campaign, onClose }: Omit<PaceDialogProps, 'opened'>) {
  const { t } = useTranslation('campaign');
  const format = useFormat();
  const change = useChange(id);
  const { control, handleSubmit, setError } = useForm<Values>({
    defaultValues: {
      delayMin: campaign.config.delayMin,
      delayMax: campaign.config.delayMax,
      priority: String(campaign.priority),
    },
  });
  const [low, high] = useWatch({ control, name: ['delayMin', 'delayMax'] });
  const open = campaign.total_contacts - campaign.processed_count;
  const submit = handleSubmit((values) =>
    change
      .mutateAsync({
        priority: Number(values.priority),
        config: { delayMin: values.delayMin, delayMax: values.delayMax },
      })
      .then(() => {
        notifyDone(t('pace.done'));
        onClose();
      })
      .catch((error: unknown) => {
        showFaults(error, setError, ['delayMin', 'delayMax'], {
          'config.delayMin': 'delayMin',
          'config.delayMax': 'delayMax',
        });
      }),
  );
  const priorities = [...new Set([String(campaign.priority), '50', '0', '-50'])];
  const seconds = (name: 'delayMin' | 'delayMax') => (
    <Controller
      name={name}
      control={control}
      render={({ field, fieldState }) => (
        <NumberInput
          label={t(`pace.${name}`)}
          suffix=" s"
          min={0}
          max={3600}
          decimalScale={1}
          decimalSeparator={format.language === 'pt-BR' ? ',' : '.'}
          error={fieldState.error?.message}
          value={field.value}
          onBlur={field.onBlur}
          ref={field.ref}
          onChange={(value) => {
            field.onChange(Number(value));
          }}
        />
      )}
    />
  );
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack>
        <Group grow align="flex-start">
          {seconds('delayMin')}
          {seconds('delayMax')}
        </Group>
        <Text size="sm">
          {t('pace.estimate', {
            count: open,
            duration: format.duration((open * (low + high)) / 2),
          })}
        </Text>
        <Text size="xs" c="dimmed">
          {t('pace.hint')}
        </Text>
        <Controller
          name="priority"
          control={control}
          render={({ field }) => (
            <Select
              label={t('pace.priority')}
              description={t('pace.priorityHint')}
              allowDeselect={false}
              data={priorities.map((value) => ({
                value,
                label: ['50', '0', '-50'].includes(value)
                  ? t(`priority.${value as '50' | '0' | '-50'}`)
                  : value,
              }))}
              value={field.value}
              onChange={(value) => {
                field.onChange(value ?? '0');
              }}
            />
          )}
        />
        {change.error !== null && <ErrorPanel error={change.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('back')}
          </Button>
          <Button type="submit" loading={change.isPending}>
            {t('pace.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
