import { Badge, Code, Select, Switch, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Panel } from '../../components/Panel';
import type { Role } from './list/headings';
import classes from './NewCampaign.module.css';
import type { CampaignList } from './useContactList';

/** What each column of the list is. */
export function ColumnsPanel({ list }: { list: CampaignList }) {
  const { t } = useTranslation('new-campaign');
  const { loaded, keys } = list;
  if (loaded === null) return null;
  const first = loaded.records[loaded.heading ? 1 : 0]?.cells ?? [];
  return (
    <Panel
      title={t('columns.title')}
      actions={loaded.recalled && <Badge variant="default">{t('columns.recalled')}</Badge>}
    >
      <Switch
        mb="sm"
        label={t('columns.heading')}
        checked={loaded.heading}
        onChange={(event) => {
          list.setHeading(event.currentTarget.checked);
        }}
      />
      <ul className={classes.columns}>
        {loaded.roles.map((role, at) => {
          const heading = loaded.heading ? (loaded.records[0]?.cells[at] ?? '') : '';
          const name = heading === '' ? t('columns.column', { number: at + 1 }) : heading;
          return (
            <li key={at} className={classes.column}>
              <Select
                label={name}
                description={first[at] ? t('columns.example', { cell: first[at].slice(0, 40) }) : ' '}
                allowDeselect={false}
                value={role}
                onChange={(value) => {
                  if (value !== null) list.setRole(at, value as Role);
                }}
                data={(['nome', 'telefone', 'variable', 'unused'] as const).map((value) => ({
                  value,
                  label: t(`columns.role.${value}`),
                }))}
              />
              {role === 'variable' && (
                <Text size="xs" mt={4}>
                  <Code>{`{{${keys[at] ?? ''}}}`}</Code>
                </Text>
              )}
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
