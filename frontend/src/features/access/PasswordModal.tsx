import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { showFaults } from '../../api/forms';
import { changePassword } from '../../api/session';
import { ErrorPanel } from '../../components/ErrorPanel';
import { notifyDone } from '../../components/notify';

interface Values {
  current_password: string;
  new_password: string;
  again: string;
}

const SHORTEST = 12;

/** One's own password, by who knows it. */
export default function PasswordModal({ email, onClose }: { email: string; onClose: () => void }) {
  const { t } = useTranslation('access');
  const { t: common } = useTranslation();
  const [error, setError] = useState<unknown>(null);
  const form = useForm<Values>({
    defaultValues: { current_password: '', new_password: '', again: '' },
  });
  const { errors, isSubmitting } = form.formState;
  const shown = { visibilityToggleButtonProps: { 'aria-label': t('password.show') } };

  const submit = form.handleSubmit(async ({ current_password, new_password }) => {
    setError(null);
    try {
      await changePassword(current_password, new_password);
      notifyDone(t('password.done'));
      onClose();
    } catch (failure) {
      const fields = ['current_password', 'new_password'] as const;
      if (!showFaults(failure, form.setError, fields)) setError(failure);
    }
  });

  return (
    <Modal
      opened
      onClose={onClose}
      title={t('password.title')}
      centered
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack>
          {/* For password managers: whose password it is. */}
          <input type="hidden" name="username" autoComplete="username" value={email} readOnly />
          <PasswordInput
            label={t('password.current')}
            autoComplete="current-password"
            data-autofocus
            error={errors.current_password?.message}
            {...shown}
            {...form.register('current_password', { required: t('password.currentMissing') })}
          />
          <PasswordInput
            label={t('password.new')}
            description={t('password.newHint')}
            autoComplete="new-password"
            error={errors.new_password?.message}
            {...shown}
            {...form.register('new_password', {
              validate: (value) => value.length >= SHORTEST || t('password.newHint'),
            })}
          />
          <PasswordInput
            label={t('password.again')}
            autoComplete="new-password"
            error={errors.again?.message}
            {...shown}
            {...form.register('again', {
              validate: (value, { new_password }) =>
                value === new_password || t('password.different'),
            })}
          />
          <Text size="sm" c="dimmed">
            {t('password.note')}
          </Text>
          {error !== null && <ErrorPanel error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {common('action.cancel')}
            </Button>
            <Button type="submit" loading={isSubmitting}>
              {t('password.save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
