import { Button, Divider, Group, Modal, Stack } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Role } from '../../app/useSession';
import { ErrorPanel } from '../../components/ErrorPanel';
import { notifyDone } from '../../components/notify';
import { newPassword } from './password';
import { type Person, usePeopleActions } from './queries';
import { RoleSelect } from './RoleSelect';
import { ShownOnce } from './ShownOnce';

/** What somebody may do, whether they may sign in, a new password. */
export function ChangeModal({ person, onClose }: { person: Person; onClose: () => void }) {
  const { t } = useTranslation('access');
  const { t: common } = useTranslation();
  const { change } = usePeopleActions();
  const [role, setRole] = useState(person.role as Role);
  const [password, setPassword] = useState<string | null>(null);
  const pending = change.isPending ? change.variables.body : {};

  const setTo = async (body: { role?: Role; disabled?: boolean }, done: string): Promise<void> => {
    const changed = await change.mutateAsync({ id: person.id, body }).catch(() => null);
    if (changed === null) return;
    notifyDone(done);
    onClose();
  };
  const renew = async (): Promise<void> => {
    const made = newPassword();
    const changed = await change
      .mutateAsync({ id: person.id, body: { password: made } })
      .catch(() => null);
    if (changed !== null) setPassword(made);
  };

  return (
    <Modal
      opened
      onClose={onClose}
      title={person.email}
      centered
      closeOnClickOutside={password === null}
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      {password !== null ? (
        <ShownOnce
          label={t('users.password')}
          warning={t('users.handOver')}
          secret={password}
          onDone={onClose}
        />
      ) : (
        <Stack>
          <RoleSelect value={role} onChange={setRole} />
          <Group justify="flex-end">
            <Button
              disabled={role === person.role}
              loading={pending.role !== undefined}
              onClick={() => void setTo({ role }, t('users.roleDone', { email: person.email }))}
            >
              {common('action.save')}
            </Button>
          </Group>
          <Divider />
          <Group>
            <Button variant="default" loading={pending.password !== undefined} onClick={() => void renew()}>
              {t('users.newPassword')}
            </Button>
            <Button
              variant="default"
              loading={pending.disabled !== undefined}
              onClick={() =>
                void setTo(
                  { disabled: !person.disabled },
                  t(person.disabled ? 'users.enabledDone' : 'users.disabledDone', {
                    email: person.email,
                  }),
                )
              }
            >
              {t(person.disabled ? 'users.enable' : 'users.disable')}
            </Button>
          </Group>
          {change.error !== null && <ErrorPanel error={change.error} />}
        </Stack>
      )}
    </Modal>
  );
}
