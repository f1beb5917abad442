import { Alert, Button, Group, SegmentedControl, Stack, Text, Textarea } from '@mantine/core';
import { type DragEvent, useEffect, useId, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { TriangleAlertIcon, UploadIcon } from '../../components/icons';
import { Panel } from '../../components/Panel';
import { useFormat } from '../../format';
import { prepareReader } from './list/readList';
import classes from './NewCampaign.module.css';
import type { CampaignList } from './useContactList';

type Way = 'file' | 'paste';

/** A file dropped or chosen, or cells pasted from a spreadsheet. */
export function ListPicker({ list }: { list: CampaignList }) {
  const { t } = useTranslation('new-campaign');
  const format = useFormat();
  const [way, setWay] = useState<Way>('file');
  const [text, setText] = useState('');
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const hint = useId();
  useEffect(prepareReader, []);

  const dropped = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer.files[0];
    if (file !== undefined) void list.load(file);
  };

  return (
    <Panel title={t('pick.title')}>
      <Stack>
        <SegmentedControl
          aria-label={t('pick.way')}
          value={way}
          onChange={(value) => {
            setWay(value as Way);
          }}
          data={[
            { value: 'file', label: t('pick.file') },
            { value: 'paste', label: t('pick.paste') },
          ]}
        />
        {way === 'file' ? (
          <div
            className={classes.drop}
            data-over={over || undefined}
            onDragOver={(event) => {
              event.preventDefault();
              setOver(true);
            }}
            onDragLeave={() => {
              setOver(false);
            }}
            onDrop={dropped}
          >
            <UploadIcon size={32} aria-hidden />
            <Text fw={600} visibleFrom="sm">
              {t('pick.drop')}
            </Text>
            <Text fw={600} hiddenFrom="sm">
              {t('pick.bring')}
            </Text>
            <Text size="sm" c="dimmed" id={hint}>
              {t('pick.kinds')}
            </Text>
            <input
              ref={input}
              type="file"
              className="visually-hidden"
              tabIndex={-1}
              aria-label={t('pick.choose')}
              accept=".csv,.txt,.tsv,.xlsx,text/csv,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
              onChange={(event) => {
                const file = event.currentTarget.files?.[0];
                event.currentTarget.value = '';
                if (file !== undefined) void list.load(file);
              }}
            />
            <Button
              loading={list.reading}
              aria-describedby={hint}
              onClick={() => input.current?.click()}
            >
              {t('pick.choose')}
            </Button>
          </div>
        ) : (
          <div>
            <Textarea
              label={t('pick.pasteLabel')}
              description={t('pick.pasteHint')}
              placeholder={'nome;telefone;cidade\nAna;11987654321;Santos'}
              autosize
              minRows={6}
              maxRows={14}
              value={text}
              onChange={(event) => {
                setText(event.currentTarget.value);
              }}
            />
            <Group justify="flex-end" mt="sm">
              <Button
                loading={list.reading}
                disabled={text.trim() === ''}
                onClick={() => void list.load(text)}
              >
                {t('pick.use')}
              </Button>
            </Group>
          </div>
        )}
        {list.fault !== null && (
          <Alert
            color="red"
            variant="outline"
            role="alert"
            icon={<TriangleAlertIcon aria-hidden />}
            title={t('fault.title')}
          >
            {t(`fault.${list.fault.code}`, { line: format.number(list.fault.line) })}
          </Alert>
        )}
      </Stack>
    </Panel>
  );
}
