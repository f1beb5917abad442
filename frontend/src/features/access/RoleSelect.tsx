import { Radio, Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Role } from '../../app/useSession';

const ROLES: readonly Role[] = ['viewer', 'operator', 'admin', 'owner'];

/** The four roles, each with what it may do. */
export function RoleSelect({ value, onChange }: { value: Role; onChange: (role: Role) => void }) {
  const { t } = useTranslation('access');
  const { t: common } = useTranslation();
  return (
    <Radio.Group
      label={t('users.role')}
      value={value}
      onChange={(role) => {
        onChange(role as Role);
      }}
    >
      <Stack gap={6} mt={6}>
        {ROLES.map((role) => (
          <Radio
            key={role}
            value={role}
            label={common(`role.${role}`)}
            description={t(`users.may.${role}`)}
          />
        ))}
      </Stack>
    </Radio.Group>
  );
}
