import { ActionIcon, Group, Text } from '@mantine/core';
import { useFormContext, useWatch } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { ArrowLeftIcon, ArrowRightIcon } from '../../components/icons';
import { Panel } from '../../components/Panel';
import { useFormat } from '../../format';
import { Bubble } from './Bubble';
import type { Values } from './form';
import { render } from './message/template';
import classes from './NewCampaign.module.css';
import type { CampaignList } from './useContactList';

interface MessagePreviewProps {
  list: CampaignList;
  shown: number;
  onShow: (shown: number) => void;
}

/** The message as it is typed, for one real contact after the other. */
export function MessagePreview({ list, shown, onShow }: MessagePreviewProps) {
  const { t } = useTranslation('new-campaign');
  const format = useFormat();
  const { control } = useFormContext<Values>();
  const [template, imageUrl, model] = useWatch({
    control,
    name: ['config.systemPrompt', 'config.imageUrl', 'config.model'],
  });
  const place = list.sendable[shown] ?? 0;
  const contact = list.list.contacts[place] ?? {};
  const last = list.sendable.length - 1;
  return (
    <Panel title={t('preview.message')}>
      <Group justify="space-between" wrap="nowrap" mb="xs">
        <ActionIcon
          variant="default"
          aria-label={t('preview.previous')}
          disabled={shown <= 0}
          onClick={() => {
            onShow(shown - 1);
          }}
        >
          <ArrowLeftIcon size={16} aria-hidden />
        </ActionIcon>
        <Text size="sm" ta="center" style={{ overflowWrap: 'anywhere' }}>
          <b>{contact.nome}</b>
          <br />
          {t('preview.place', {
            at: format.number(shown + 1),
            of: format.number(last + 1),
            line: format.number(list.list.lines[place] ?? 0),
          })}
        </Text>
        <ActionIcon
          variant="default"
          aria-label={t('preview.next')}
          disabled={shown >= last}
          onClick={() => {
            onShow(shown + 1);
          }}
        >
          <ArrowRightIcon size={16} aria-hidden />
        </ActionIcon>
      </Group>
      <div className={classes.chat}>
        <Bubble text={render(template, contact)} imageUrl={imageUrl.trim()} />
      </div>
      {model !== '' && (
        <Text size="xs" c="dimmed" mt="xs">
          {t('preview.byTemplate')}
        </Text>
      )}
    </Panel>
  );
}
