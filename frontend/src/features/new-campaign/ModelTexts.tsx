import { Button, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useFormContext } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { api, told } from '../../api/client';
import { ErrorPanel } from '../../components/ErrorPanel';
import { Panel } from '../../components/Panel';
import { Bubble } from './Bubble';
import { configOf, type Values } from './form';
import classes from './NewCampaign.module.css';
import type { CampaignList } from './useContactList';

const TEXTS = 3;

/** The first texts as the model really writes them. */
export function ModelTexts({ list }: { list: CampaignList }) {
  const { t } = useTranslation('new-campaign');
  const { getValues } = useFormContext<Values>();
  const preview = useMutation({
    mutationFn: () => {
      const contacts = list.sendable
        .slice(0, TEXTS)
        .map((place) => list.list.contacts[place] ?? {});
      const body = { contacts, config: configOf(getValues()), limit: TEXTS };
      return told(api.POST('/api/campaigns/preview', { body }));
    },
  });
  return (
    <Panel
      title={t('model.title')}
      actions={
        <Button
          size="xs"
          variant="default"
          loading={preview.isPending}
          onClick={() => {
            preview.mutate();
          }}
        >
          {t(preview.data === undefined ? 'model.show' : 'model.again')}
        </Button>
      }
    >
      <Stack role="status">
        {preview.data === undefined && !preview.isError && <Text size="sm">{t('model.hint')}</Text>}
        {preview.isError && <ErrorPanel error={preview.error} />}
        {preview.data?.texts.map((text) => (
          <div key={text.index}>
            <Text size="sm" fw={600} mb={4}>
              {text.nome}
            </Text>
            <div className={classes.chat}>
              <Bubble text={text.text} />
            </div>
            {text.source === 'template' && (
              <Text size="xs" c="dimmed" mt={4}>
                {t('model.template', { why: text.reason_text ?? '' })}
              </Text>
            )}
          </div>
        ))}
      </Stack>
    </Panel>
  );
}
