import { Button, Group, Modal, PasswordInput, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { showFaults } from '../../api/forms';
import { ErrorPanel } from '../../components/ErrorPanel';
import { type Seen, useInstanceActions } from './queries';

interface Values {
  name: string;
  token: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** A new number, or one that Evolution has already. */
export function AddModal({ onClose, onMade }: { onClose: () => void; onMade: (seen: Seen) => void }) {
  const { t } = useTranslation('instances');
  const { t: common } = useTranslation();
  const [adopt, setAdopt] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const { create } = useInstanceActions();
  const form = useForm<Values>({ defaultValues: { name: '', token: '' } });
  const { errors } = form.formState;

  const submit = form.handleSubmit(async ({ name, token }) => {
    setError(null);
    try {
      const seen = await create.mutateAsync({
        name,
        adopt,
        ...(adopt && token !== '' ? { token } : {}),
      });
      onMade(seen);
    } catch (failure) {
      if (!showFaults(failure, form.setError, ['name', ...(adopt ? (['token'] as const) : [])])) {
        setError(failure);
      }
    }
  });

  return (
    <Modal
      opened
      onClose={onClose}
      title={t('add.title')}
      centered
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack>
          <SegmentedControl
            fullWidth
            aria-label={t('add.kind')}
            value={adopt ? 'adopt' : 'new'}
            onChange={(value) => {
              setAdopt(value === 'adopt');
            }}
            data={[
              { value: 'new', label: t('add.new') },
              { value: 'adopt', label: t('add.adopt') },
            ]}
          />
          <Text size="sm" c="dimmed">
            {t(adopt ? 'add.adoptHelp' : 'add.newHelp')}
          </Text>
          <TextInput
            label={t('add.name')}
            description={t(adopt ? 'add.adoptNameHelp' : 'add.nameHelp')}
            placeholder="vendas"
            autoComplete="off"
            data-autofocus
            error={errors.name && (errors.name.message || t('add.nameFault'))}
            {...form.register('name', { required: true, maxLength: 100, pattern: NAME })}
          />
          {adopt && (
            <PasswordInput
              label={t('add.token')}
              description={t('add.tokenHelp')}
              autoComplete="off"
              visibilityToggleButtonProps={{ 'aria-label': t('add.showToken') }}
              error={errors.token?.message}
              {...form.register('token')}
            />
          )}
          {error !== null && <ErrorPanel error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {common('action.cancel')}
            </Button>
            <Button type="submit" loading={create.isPending}>
              {t(adopt ? 'add.adoptAction' : 'add.newAction')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
