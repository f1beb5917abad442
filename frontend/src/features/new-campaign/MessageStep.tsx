import { Alert, Button, Group, Select, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useMemo, useRef } from 'react';
import { Controller, useFormContext, useWatch } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { TriangleAlertIcon } from '../../components/icons';
import { Panel } from '../../components/Panel';
import { useFormat } from '../../format';
import type { Schemas } from '../../api/client';
import { EmojiPicker } from './EmojiPicker';
import type { Values } from './form';
import { MessagePreview } from './MessagePreview';
import { unknownVariables } from './message/template';
import { ModelTexts } from './ModelTexts';
import classes from './NewCampaign.module.css';
import { TestSend } from './TestSend';
import type { CampaignList } from './useContactList';

interface MessageStepProps {
  list: CampaignList;
  options: Schemas['CampaignOptions'];
  /** Which of those who will be written to is shown. */
  shown: number;
  onShow: (shown: number) => void;
}

/** The text, its variables, an image, and how it looks to real people of the list. */
export function MessageStep({ list, options, shown, onShow }: MessageStepProps) {
  const { t } = useTranslation('new-campaign');
  const format = useFormat();
  const { register, control, setValue, formState } = useFormContext<Values>();
  const [template, model] = useWatch({ control, name: ['config.systemPrompt', 'config.model'] });
  const area = useRef<HTMLTextAreaElement>(null);
  const { variables } = list.list;
  const unknown = useMemo(() => unknownVariables(template, variables), [template, variables]);
  const errors = formState.errors.config;
  const names = ['nome', 'primeiro_nome', ...variables];

  const insert = (text: string): void => {
    const from = area.current?.selectionStart ?? template.length;
    const to = area.current?.selectionEnd ?? template.length;
    setValue('config.systemPrompt', template.slice(0, from) + text + template.slice(to), {
      shouldDirty: true,
      shouldValidate: formState.isSubmitted,
    });
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(from + text.length, from + text.length);
    });
  };

  return (
    <div className={classes.sides}>
      <Stack>
        <Panel title={t('message.title')}>
          <Stack gap="sm">
            <div>
              <Text size="sm" fw={500} id="variables" mb={4}>
                {t('message.insert')}
              </Text>
              <Group gap={6} role="group" aria-labelledby="variables">
                {names.map((name) => (
                  <Button
                    key={name}
                    size="xs"
                    variant="default"
                    aria-label={t('message.insertOne', { name })}
                    onClick={() => {
                      insert(`{{${name}}}`);
                    }}
                  >
                    {`{{${name}}}`}
                  </Button>
                ))}
                <EmojiPicker onPick={insert} />
              </Group>
            </div>
            <Controller
              control={control}
              name="config.systemPrompt"
              rules={{
                validate: (text) => {
                  if (text.trim() === '') return t('message.missing');
                  if (text.length > options.max_text) return t('message.tooLong');
                  const names = unknownVariables(text, variables);
                  return names.length === 0 || t('message.unknown', { names: inBraces(names) });
                },
              }}
              render={({ field }) => (
                <Textarea
                  {...field}
                  ref={(element) => {
                    field.ref(element);
                    area.current = element;
                  }}
                  label={t('message.text')}
                  description={t('message.count', {
                    count: template.length,
                    length: format.number(template.length),
                    most: format.number(options.max_text),
                  })}
                  autosize
                  minRows={6}
                  maxRows={16}
                  error={errors?.systemPrompt?.message}
                />
              )}
            />
            {unknown.length > 0 && errors?.systemPrompt === undefined && (
              <Alert color="yellow" variant="outline" icon={<TriangleAlertIcon aria-hidden />}>
                {t('message.unknown', { names: inBraces(unknown) })}
              </Alert>
            )}
            <TextInput
              label={t('message.image')}
              description={t('message.imageHint')}
              type="url"
              inputMode="url"
              placeholder="https://"
              error={errors?.imageUrl?.message}
              {...register('config.imageUrl', {
                validate: (address) =>
                  address.trim() === '' ||
                  /^https?:\/\/[^\s]+\.[^\s]+$/i.test(address.trim()) ||
                  t('message.imageWrong'),
              })}
            />
            {options.models.length > 0 && (
              <Controller
                control={control}
                name="config.model"
                render={({ field }) => (
                  <Select
                    label={t('message.model')}
                    description={t('message.modelHint')}
                    allowDeselect={false}
                    error={errors?.model?.message}
                    value={field.value}
                    onBlur={field.onBlur}
                    onChange={(value) => {
                      field.onChange(value ?? '');
                    }}
                    data={[
                      { value: '', label: t('message.noModel') },
                      ...options.models.map((name) => ({ value: name, label: name })),
                    ]}
                  />
                )}
              />
            )}
          </Stack>
        </Panel>
        {model !== '' && <ModelTexts list={list} />}
      </Stack>
      <Stack>
        <MessagePreview list={list} shown={shown} onShow={onShow} />
        <TestSend list={list} shown={shown} />
      </Stack>
    </div>
  );
}

const inBraces = (names: readonly string[]): string => names.map((name) => `{{${name}}}`).join(', ');
