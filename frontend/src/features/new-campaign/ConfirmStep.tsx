import { Alert, Button, List, Stack, Text, TextInput } from '@mantine/core';
import { useFormContext, useWatch } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../../api/errors';
import type { Schemas } from '../../api/client';
import { ErrorPanel } from '../../components/ErrorPanel';
import { TriangleAlertIcon } from '../../components/icons';
import { Panel } from '../../components/Panel';
import { usePaceText } from '../../components/usePaceText';
import { useFormat } from '../../format';
import { Bubble } from './Bubble';
import { paceOf, startOf, type Values } from './form';
import { render } from './message/template';
import classes from './NewCampaign.module.css';
import type { CampaignList } from './useContactList';
import { useFinish } from './useFinish';

interface ConfirmStepProps {
  list: CampaignList;
  options: Schemas['CampaignOptions'];
  error: unknown;
  shown: number;
}

/** Everything once more, a name, and go. */
export function ConfirmStep({ list, options, error, shown }: ConfirmStepProps) {
  const { t } = useTranslation('new-campaign');
  const format = useFormat();
  const { register, control, formState, getValues } = useFormContext<Values>();
  const [config, when, scheduleAt] = useWatch({ control, name: ['config', 'when', 'scheduleAt'] });
  const paceText = usePaceText();
  const valid = list.sendable.length;
  const finish = useFinish(valid, options);
  const start = startOf({ when, scheduleAt });
  const skipped = list.check.data?.skipped ?? 0;
  const contact = list.list.contacts[list.sendable[shown] ?? 0] ?? {};

  return (
    <div className={classes.sides}>
      <Panel title={t('confirm.title')}>
        <Stack>
          <TextInput
            label={t('confirm.name')}
            description={t('confirm.nameHint')}
            maxLength={255}
            error={formState.errors.name?.message}
            {...register('name', {
              validate: (name) => name.trim() !== '' || t('confirm.nameMissing'),
            })}
          />
          <dl className={classes.summary}>
            <dt>{t('confirm.receive')}</dt>
            <dd>
              <b>{format.number(valid)}</b>
            </dd>
            <dt>{t('confirm.skipped')}</dt>
            <dd>{format.number(skipped)}</dd>
            <dt>{t('confirm.list')}</dt>
            <dd>{list.loaded?.source ?? t('list.pasted')}</dd>
            <dt>{t('confirm.pace')}</dt>
            <dd>{paceText(paceOf({ config }))}</dd>
            <dt>{t('confirm.from')}</dt>
            <dd>{config.instances.length === 0 ? t('numbers.first') : config.instances.join(', ')}</dd>
            {config.model !== '' && (
              <>
                <dt>{t('message.model')}</dt>
                <dd>{config.model}</dd>
              </>
            )}
            <dt>{t('confirm.start')}</dt>
            <dd>{start === null ? t('when.now') : format.dateTime(start)}</dd>
          </dl>
          <Text size="sm">{finish}</Text>
          {error !== null && <Refusal error={error} list={list} />}
          <Button type="submit" loading={formState.isSubmitting} size="md">
            {t(getValues('when') === 'now' ? 'confirm.send' : 'confirm.schedule', {
              count: valid,
              people: format.number(valid),
            })}
          </Button>
        </Stack>
      </Panel>
      <Panel title={t('preview.message')}>
        <Text size="sm" mb="xs">
          <b>{contact.nome}</b>
        </Text>
        <div className={classes.chat}>
          <Bubble text={render(config.systemPrompt, contact)} imageUrl={config.imageUrl.trim()} />
        </div>
      </Panel>
    </div>
  );
}

/** Faults of contacts are said with their lines; all others have been put on their fields. */
function Refusal({ error, list }: { error: unknown; list: CampaignList }) {
  const { t } = useTranslation('new-campaign');
  const format = useFormat();
  const faults = error instanceof ApiError ? error.fields : [];
  const rows = faults.flatMap(({ path, message }) => {
    const place = /^contacts\[(\d+)\]/.exec(path)?.[1];
    return place === undefined ? [] : [{ place: Number(place), message }];
  });
  if (rows.length === 0 || rows.length < faults.length) return <ErrorPanel error={error} />;
  return (
    <Alert
      color="red"
      variant="outline"
      role="alert"
      icon={<TriangleAlertIcon aria-hidden />}
      title={error instanceof ApiError ? error.message : undefined}
    >
      <List size="sm">
        {rows.slice(0, 20).map(({ place, message }) => (
          <List.Item key={place}>
            <b>{t('preflight.line', { line: format.number(list.list.lines[place] ?? 0) })}</b> {message}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
