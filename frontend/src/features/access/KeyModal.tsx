import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { showFaults } from '../../api/forms';
import { ErrorPanel } from '../../components/ErrorPanel';
import { useKeyActions } from './queries';
import { ShownOnce } from './ShownOnce';

interface Values {
  name: string;
}

/** A new key: named, then shown this once. */
export function KeyModal({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('access');
  const { t: common } = useTranslation();
  const { create } = useKeyActions();
  const [secret, setSecret] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const form = useForm<Values>({ defaultValues: { name: '' } });
  const fault = form.formState.errors.name;

  const submit = form.handleSubmit(async ({ name }) => {
    setError(null);
    try {
      setSecret((await create.mutateAsync(name)).secret);
      create.reset();
    } catch (failure) {
      if (!showFaults(failure, form.setError, ['name'])) setError(failure);
    }
  });

  return (
    <Modal
      opened
      onClose={onClose}
      title={t(secret === null ? 'keys.add' : 'keys.made')}
      centered
      closeOnClickOutside={secret === null}
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      {secret !== null ? (
        <ShownOnce label={t('keys.secret')} warning={t('keys.once')} secret={secret} onDone={onClose} />
      ) : (
        <form onSubmit={(event) => void submit(event)} noValidate>
          <Stack>
            <TextInput
              label={t('keys.name')}
              description={t('keys.nameHelp')}
              placeholder="CRM"
              autoComplete="off"
              data-autofocus
              error={fault && (fault.message || t('keys.nameFault'))}
              {...form.register('name', { required: true, maxLength: 100 })}
            />
            {error !== null && <ErrorPanel error={error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {common('action.cancel')}
              </Button>
              <Button type="submit" loading={create.isPending}>
                {t('keys.addAction')}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
