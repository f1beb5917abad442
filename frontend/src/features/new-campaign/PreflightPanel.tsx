import { Alert, Button, Group, List, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import {
  CircleCheckIcon,
  DownloadIcon,
  SkipForwardIcon,
  TriangleAlertIcon,
} from '../../components/icons';
import { Panel } from '../../components/Panel';
import { StatTile } from '../../components/StatTile';
import { TileGrid } from '../../components/TileGrid';
import { useFormat } from '../../format';
import { csvText, download } from './list/csvFile';
import { bodyOf } from './list/list';
import classes from './NewCampaign.module.css';
import { type Check, remarkGroups, skippedGroups } from './preflight';
import { useProblemText } from './problemText';
import type { CampaignList } from './useContactList';

const SHOWN = 3;

/** How many will be written to, who will not and why; each group can be taken home as a list. */
export function PreflightPanel({ list, check }: { list: CampaignList; check: Check }) {
  const { t } = useTranslation('new-campaign');
  const format = useFormat();
  const { loaded } = list;
  const { lines, contacts } = list.list;
  const textOf = useProblemText(lines);
  if (loaded === null) return null;

  const rows = bodyOf(loaded.records, loaded.heading);
  const columns = loaded.heading ? (loaded.records[0]?.cells ?? []) : list.keys;
  const save = (name: string, places: readonly number[], why: (at: number) => string): void => {
    const head = [t('file.line'), t('file.reason'), ...columns];
    const body = places.map((place, at) => [
      String(lines[place] ?? ''),
      why(at),
      ...(rows[place]?.cells ?? []),
    ]);
    download(name, csvText([head, ...body]));
  };
  const personOf = (place: number): string => {
    const { nome = '', telefone = '' } = contacts[place] ?? {};
    return [nome, telefone].filter((cell) => cell !== '').join(', ');
  };

  return (
    <Panel title={t('preflight.title')}>
      <Stack>
        <div role="status">
          <TileGrid>
            <StatTile
              label={t('preflight.valid')}
              value={format.number(check.valid)}
              hint={t('preflight.of', { total: format.number(contacts.length) })}
              tone="good"
              icon={<CircleCheckIcon size={16} aria-hidden />}
            />
            <StatTile
              label={t('preflight.skipped')}
              value={format.number(check.skipped)}
              hint={check.skipped === 0 ? t('preflight.none') : t('preflight.seeBelow')}
              tone={check.skipped === 0 ? 'neutral' : 'warn'}
              icon={<SkipForwardIcon size={16} aria-hidden />}
            />
          </TileGrid>
        </div>
        {check.valid === 0 && (
          <Alert color="red" variant="outline" role="alert" icon={<TriangleAlertIcon aria-hidden />}>
            {t('preflight.nobody')}
          </Alert>
        )}
        {skippedGroups(check).map(({ reason, problems }) => (
          <section key={reason} className={classes.group}>
            <Group justify="space-between" gap="xs">
              <Title order={3} size="h5">
                {t(`reason.${reason}`)} ({format.number(problems.length)})
              </Title>
              <Button
                size="xs"
                variant="default"
                leftSection={<DownloadIcon size={14} aria-hidden />}
                aria-label={t('preflight.downloadOf', { group: t(`reason.${reason}`) })}
                onClick={() => {
                  save(
                    t('file.skipped', { group: t(`file.reasons.${reason}`) }),
                    problems.map(({ index }) => index),
                    (at) => (problems[at] === undefined ? '' : textOf(problems[at])),
                  );
                }}
              >
                {t('preflight.download')}
              </Button>
            </Group>
            <List size="sm" mt={4}>
              {problems.slice(0, SHOWN).map((problem) => (
                <List.Item key={problem.index}>
                  <b>{t('preflight.line', { line: format.number(lines[problem.index] ?? 0) })}</b>{' '}
                  {personOf(problem.index)} – {textOf(problem)}
                </List.Item>
              ))}
            </List>
            {problems.length > SHOWN && (
              <Text size="sm" c="dimmed" mt={4}>
                {t('preflight.more', { count: problems.length - SHOWN })}
              </Text>
            )}
          </section>
        ))}
        {remarkGroups(check).map(({ code, places }) => (
          <section key={code} className={classes.group}>
            <Group justify="space-between" gap="xs">
              <Title order={3} size="h5">
                {t(`remark.${code}`)} ({format.number(places.length)})
              </Title>
              <Button
                size="xs"
                variant="default"
                leftSection={<DownloadIcon size={14} aria-hidden />}
                aria-label={t('preflight.downloadOf', { group: t(`remark.${code}`) })}
                onClick={() => {
                  save(t('file.remark'), places, () => t(`remark.${code}`));
                }}
              >
                {t('preflight.download')}
              </Button>
            </Group>
            <Text size="sm" mt={4}>
              {t(`remarkHint.${code}`)}
            </Text>
          </section>
        ))}
        {(check.warnings.cell_cut ?? 0) > 0 && (
          <Text size="sm">{t('preflight.cellCut', { count: check.warnings.cell_cut ?? 0 })}</Text>
        )}
      </Stack>
    </Panel>
  );
}
