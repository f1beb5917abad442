import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/ErrorPanel';
import { FileSpreadsheetIcon, InfoIcon } from '../../components/icons';
import { Loading } from '../../components/Loading';
import { Panel } from '../../components/Panel';
import { useFormat } from '../../format';
import { ColumnsPanel } from './ColumnsPanel';
import { ListPicker } from './ListPicker';
import { csvText, download } from './list/csvFile';
import { bodyOf, tooWide } from './list/list';
import { ListPreview } from './ListPreview';
import { PreflightPanel } from './PreflightPanel';
import type { CampaignList } from './useContactList';

/** Bring a list, say what its columns are, see who will be written to. */
export function ContactsStep({ list, most }: { list: CampaignList; most: number }) {
  const { t } = useTranslation('new-campaign');
  const format = useFormat();
  const { loaded } = list;
  if (loaded === null) return <ListPicker list={list} />;
  const rest = (): void => {
    const heading = loaded.heading ? [loaded.records[0]?.cells ?? []] : [];
    const rows = bodyOf(loaded.records, loaded.heading).slice(most);
    download(t('file.rest'), csvText([...heading, ...rows.map(({ cells }) => cells)]));
  };
  const wide = tooWide(loaded.records, loaded.heading);
  return (
    <Stack>
      <Panel
        title={loaded.source ?? t('list.pasted')}
        actions={
          <Button variant="default" size="xs" onClick={list.clear}>
            {t('list.change')}
          </Button>
        }
      >
        <Group gap="xs" wrap="nowrap">
          <FileSpreadsheetIcon size={18} aria-hidden />
          <Text size="sm">
            {t('list.size', {
              rows: format.number(list.total),
              columns: format.number(loaded.roles.length),
            })}
          </Text>
        </Group>
        {list.total > most && (
          <Alert color="yellow" variant="outline" mt="sm" icon={<InfoIcon aria-hidden />}>
            <Text size="sm">{t('list.tooMany', { most: format.number(most) })}</Text>
            <Button size="xs" variant="default" mt="xs" onClick={rest}>
              {t('list.downloadRest', { count: list.total - most })}
            </Button>
          </Alert>
        )}
        {wide.length > 0 && (
          <Text size="sm" mt="xs">
            {t('list.tooWide', { lines: wide.slice(0, 5).map((line) => format.number(line)).join(', ') })}
          </Text>
        )}
      </Panel>
      <ColumnsPanel list={list} />
      {!list.mapped && (
        <Alert color="yellow" variant="outline" icon={<InfoIcon aria-hidden />}>
          {t('columns.needed')}
        </Alert>
      )}
      {list.mapped && list.check.isPending && <Loading />}
      {list.check.error !== null && (
        <ErrorPanel error={list.check.error} onRetry={() => void list.check.refetch()} />
      )}
      {list.mapped && list.check.data !== undefined && (
        <PreflightPanel list={list} check={list.check.data} />
      )}
      <ListPreview list={list} />
    </Stack>
  );
}
