import { Alert, Group, MultiSelect, NumberInput, Radio, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { Controller, useFormContext, useWatch } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import type { Schemas } from '../../api/client';
import { ErrorPanel } from '../../components/ErrorPanel';
import { ClockIcon, TriangleAlertIcon } from '../../components/icons';
import { Panel } from '../../components/Panel';
import { useFormat } from '../../format';
import { paceOf, startOf, type Values } from './form';
import { isRisky, PACES } from './pace';
import { useInstances } from './queries';
import { useFinish } from './useFinish';

const MOST_SECONDS = 3600;

/** How fast, from which numbers, when. */
export function PaceStep({
  messages,
  options,
}: {
  messages: number;
  options: Schemas['CampaignOptions'];
}) {
  const { t } = useTranslation('new-campaign');
  const format = useFormat();
  const { control, register, setValue, setFocus, formState, getValues } = useFormContext<Values>();
  const [config, when] = useWatch({ control, name: ['config', 'when'] });
  const instances = useInstances();
  const finish = useFinish(messages, options);
  const pace = paceOf({ config });
  const [own, setOwn] = useState(false);
  const chosen = PACES.find(
    ({ delayMin, delayMax }) =>
      !own && delayMin === config.delayMin && delayMax === config.delayMax,
  );
  const errors = formState.errors;
  const connected = instances.data?.filter(({ state }) => state === 'open') ?? [];

  const delay = (name: 'config.delayMin' | 'config.delayMax') => (
    <Controller
      control={control}
      name={name}
      rules={{
        validate: (value) => {
          if (value === '') return t('pace.missing');
          const low = getValues('config.delayMin');
          return name === 'config.delayMin' || low === '' || value >= low || t('pace.order');
        },
      }}
      render={({ field, fieldState }) => (
        <NumberInput
          ref={field.ref}
          name={field.name}
          label={t(name === 'config.delayMin' ? 'pace.least' : 'pace.most')}
          suffix=" s"
          min={0}
          max={MOST_SECONDS}
          clampBehavior="blur"
          decimalScale={1}
          decimalSeparator={format.language === 'pt-BR' ? ',' : '.'}
          w={150}
          value={field.value}
          onBlur={field.onBlur}
          onChange={(value) => {
            field.onChange(typeof value === 'number' || value === '' ? value : Number(value));
          }}
          error={fieldState.error?.message}
        />
      )}
    />
  );

  return (
    <Stack>
      <Panel title={t('pace.title')}>
        <Stack>
          <Radio.Group
            label={t('pace.choose')}
            value={chosen?.name ?? 'own'}
            onChange={(name) => {
              const found = PACES.find((one) => one.name === name);
              setOwn(found === undefined);
              if (found === undefined) {
                setFocus('config.delayMin');
                return;
              }
              const how = { shouldDirty: true, shouldValidate: true };
              setValue('config.delayMin', found.delayMin, how);
              setValue('config.delayMax', found.delayMax, how);
            }}
          >
            <Stack gap="xs" mt="xs">
              {PACES.map(({ name, delayMin, delayMax }) => (
                <Radio
                  key={name}
                  value={name}
                  label={t(`pace.${name}`)}
                  description={t('pace.every', {
                    least: format.number(delayMin),
                    most: format.number(delayMax),
                  })}
                />
              ))}
              <Radio value="own" label={t('pace.own')} description={t('pace.ownHint')} />
            </Stack>
          </Radio.Group>
          <Group align="flex-start">
            {delay('config.delayMin')}
            {delay('config.delayMax')}
          </Group>
          {isRisky(pace) && (
            <Alert color="yellow" variant="outline" icon={<TriangleAlertIcon aria-hidden />}>
              {t('pace.risky')}
            </Alert>
          )}
        </Stack>
      </Panel>
      <Panel title={t('numbers.title')}>
        {instances.isError ? (
          <ErrorPanel error={instances.error} onRetry={() => void instances.refetch()} />
        ) : (
          <Stack gap="sm">
            <Controller
              control={control}
              name="config.instances"
              render={({ field }) => (
                <MultiSelect
                  label={t('numbers.choose')}
                  description={
                    connected[0] === undefined
                      ? t('numbers.hint')
                      : t('numbers.default', { name: connected[0].name })
                  }
                  placeholder={field.value.length === 0 ? t('numbers.first') : undefined}
                  clearable
                  clearButtonProps={{ 'aria-label': t('numbers.clear') }}
                  value={field.value}
                  onChange={field.onChange}
                  onBlur={field.onBlur}
                  error={errors.config?.instances?.message}
                  data={(instances.data ?? []).map(({ name, state, phone }) => ({
                    value: name,
                    label: [
                      name,
                      ...(phone === null ? [] : [format.phone(phone)]),
                      ...(state === 'open' ? [] : [t('numbers.offline')]),
                    ].join(' · '),
                  }))}
                />
              )}
            />
            {instances.data !== undefined && connected.length === 0 && (
              <Alert color="yellow" variant="outline" icon={<TriangleAlertIcon aria-hidden />}>
                {t('numbers.none')}
              </Alert>
            )}
          </Stack>
        )}
      </Panel>
      <Panel title={t('when.title')}>
        <Controller
          control={control}
          name="when"
          render={({ field }) => (
            <Radio.Group aria-label={t('when.title')} value={field.value} onChange={field.onChange}>
              <Stack gap="xs">
                <Radio value="now" label={t('when.now')} />
                <Radio value="later" label={t('when.later')} />
              </Stack>
            </Radio.Group>
          )}
        />
        {when === 'later' && (
          <TextInput
            mt="sm"
            maw={280}
            type="datetime-local"
            label={t('when.at')}
            description={t('when.zone', {
              zone: format.zone(Intl.DateTimeFormat().resolvedOptions().timeZone),
            })}
            error={errors.scheduleAt?.message}
            {...register('scheduleAt', {
              validate: (_, values) => {
                if (values.when === 'now') return true;
                const start = startOf(values);
                if (start === null) return t('when.missing');
                if (isPast(start)) return t('when.past');
                return !isTooFar(start) || t('when.tooFar');
              },
            })}
          />
        )}
      </Panel>
      <Alert variant="outline" color="gray" icon={<ClockIcon aria-hidden />} role="status">
        <Text size="sm">{finish}</Text>
      </Alert>
    </Stack>
  );
}

const MOST_DAYS = 365;

const isTooFar = (instant: Date): boolean => instant.getTime() > Date.now() + MOST_DAYS * 86_400_000;
const isPast = (instant: Date): boolean => instant.getTime() <= Date.now();
