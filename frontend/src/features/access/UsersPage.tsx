import { ActionIcon, Button, Stack, Text } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Role, useMay, useUser } from '../../app/useSession';
import { type Column, DataTable } from '../../components/DataTable';
import { Email } from '../../components/Email';
import { ErrorPanel } from '../../components/ErrorPanel';
import { PencilIcon, PlusIcon } from '../../components/icons';
import { Loading } from '../../components/Loading';
import { PageHeader } from '../../components/PageHeader';
import { ToneBadge } from '../../components/ToneBadge';
import { useFormat } from '../../format';
import { ChangeModal } from './ChangeModal';
import { PersonModal } from './PersonModal';
import { type Person, usePeople } from './queries';

export default function UsersPage() {
  const { t } = useTranslation('access');
  const { t: common } = useTranslation();
  const format = useFormat();
  const me = useUser();
  const mayChange = useMay('owner');
  const { data, error, refetch } = usePeople();
  const [adding, setAdding] = useState(false);
  const [changing, setChanging] = useState<Person | null>(null);

  const columns = useMemo<Column<Person>[]>(
    () => [
      {
        id: 'email',
        header: t('users.email'),
        width: 'minmax(0, 3fr)',
        cell: (person) => (
          <>
            <Text size="sm" component="span">
              <Email address={person.email} />
            </Text>
            {person.id === me.id && (
              <Text size="xs" c="dimmed" component="span">
                {' '}
                {t('users.you')}
              </Text>
            )}
            {person.disabled && (
              <>
                {' '}
                <ToneBadge tone="bad">{t('users.disabled')}</ToneBadge>
              </>
            )}
          </>
        ),
      },
      {
        id: 'role',
        header: t('users.role'),
        width: 'minmax(96px, 1fr)',
        cell: (person) => common(`role.${person.role as Role}`),
      },
      {
        id: 'since',
        header: t('users.since'),
        width: 'minmax(96px, 1fr)',
        wideOnly: true,
        cell: (person) => format.date(person.created_at),
      },
      ...(mayChange
        ? [
            {
              id: 'change',
              header: t('actions'),
              align: 'right' as const,
              width: '60px',
              cell: (person: Person) => (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={t('users.change', { email: person.email })}
                  onClick={() => {
                    setChanging(person);
                  }}
                >
                  <PencilIcon size={18} aria-hidden />
                </ActionIcon>
              ),
            },
          ]
        : []),
    ],
    [t, common, format, me.id, mayChange],
  );

  return (
    <>
      <PageHeader
        title={t('users.title')}
        description={t(mayChange ? 'users.description' : 'users.ownersOnly')}
        actions={
          mayChange && (
            <Button
              leftSection={<PlusIcon size={16} aria-hidden />}
              onClick={() => {
                setAdding(true);
              }}
            >
              {t('users.add')}
            </Button>
          )
        }
      />
      <Stack>
        {error !== null && <ErrorPanel error={error} onRetry={() => void refetch()} />}
        {data === undefined ? (
          error === null && <Loading />
        ) : (
          <DataTable
            label={t('users.title')}
            rows={data}
            columns={columns}
            rowKey={(person) => String(person.id)}
          />
        )}
      </Stack>
      {adding && (
        <PersonModal
          onClose={() => {
            setAdding(false);
          }}
        />
      )}
      {changing !== null && (
        <ChangeModal
          person={changing}
          onClose={() => {
            setChanging(null);
          }}
        />
      )}
    </>
  );
}
