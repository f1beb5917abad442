import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { showFaults } from '../../api/forms';
import type { Role } from '../../app/useSession';
import { ErrorPanel } from '../../components/ErrorPanel';
import { newPassword } from './password';
import { usePeopleActions } from './queries';
import { RoleSelect } from './RoleSelect';
import { ShownOnce } from './ShownOnce';

interface Values {
  email: string;
}

/** Somebody new: e-mail and role; the password is made here and shown once, to be handed over. */
export function PersonModal({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('access');
  const { t: common } = useTranslation();
  const { create } = usePeopleActions();
  const [role, setRole] = useState<Role>('operator');
  const [made, setMade] = useState<{ email: string; password: string } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const form = useForm<Values>({ defaultValues: { email: '' } });
  const fault = form.formState.errors.email;

  const submit = form.handleSubmit(async ({ email }) => {
    setError(null);
    const password = newPassword();
    try {
      await create.mutateAsync({ email: email.trim(), password, role });
      setMade({ email: email.trim(), password });
    } catch (failure) {
      if (!showFaults(failure, form.setError, ['email'])) setError(failure);
    }
  });

  return (
    <Modal
      opened
      onClose={onClose}
      title={made === null ? t('users.add') : t('users.made', { email: made.email })}
      centered
      closeOnClickOutside={made === null}
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      {made !== null ? (
        <ShownOnce
          label={t('users.password')}
          warning={t('users.handOver')}
          secret={made.password}
          onDone={onClose}
        />
      ) : (
        <form onSubmit={(event) => void submit(event)} noValidate>
          <Stack>
            <TextInput
              label={t('users.email')}
              type="email"
              autoComplete="off"
              data-autofocus
              error={fault && (fault.message || t('users.emailFault'))}
              {...form.register('email', { required: true, pattern: /^\s*[^@\s]+@[^@\s]+\s*$/ })}
            />
            <RoleSelect value={role} onChange={setRole} />
            <Text size="sm" c="dimmed">
              {t('users.passwordNote')}
            </Text>
            {error !== null && <ErrorPanel error={error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {common('action.cancel')}
              </Button>
              <Button type="submit" loading={create.isPending}>
                {t('users.addAction')}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
