import { Button, Center, Code, Image, List, Loader, Modal, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/ErrorPanel';
import { CircleCheckIcon } from '../../components/icons';
import { type Seen, useLinking } from './queries';

/** Links a phone: the code to scan, renewed while it waits, and what happens, as it happens. */
export function LinkModal({ first, onClose }: { first: Seen; onClose: () => void }) {
  const { t } = useTranslation('instances');
  const { t: common } = useTranslation();
  const { name } = first.instance;
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('link.title', { name })}
      centered
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      <Linking first={first} onClose={onClose} />
    </Modal>
  );
}

function Linking({ first, onClose }: { first: Seen; onClose: () => void }) {
  const { t } = useTranslation('instances');
  const queries = useQueryClient();
  const { data, error, refetch } = useLinking(first.instance.name, first);
  const open = data.instance.state === 'open';
  useEffect(() => {
    if (open) void queries.invalidateQueries({ queryKey: ['instances'] });
  }, [open, queries]);

  if (open) {
    return (
      <Stack align="center" role="status">
        <CircleCheckIcon size={48} color="var(--tone-good-text)" aria-hidden />
        <Text fw={600}>{t('link.done')}</Text>
        <Button onClick={onClose} data-autofocus>
          {t('link.close')}
        </Button>
      </Stack>
    );
  }
  const code = data.qrcode?.base64 ?? null;
  return (
    <Stack>
      <List type="ordered" size="sm" spacing={4}>
        <List.Item>{t('link.step1')}</List.Item>
        <List.Item>{t('link.step2')}</List.Item>
        <List.Item>{t('link.step3')}</List.Item>
      </List>
      <Center mih={240}>
        {code === null ? (
          <Loader aria-label={t('link.fetching')} />
        ) : (
          <Image src={code} alt={t('link.code')} w={240} h={240} bg="white" p={8} radius="md" />
        )}
      </Center>
      {data.qrcode?.pairing_code != null && (
        <Text size="sm" ta="center">
          {t('link.pairing')} <Code fz="md">{data.qrcode.pairing_code}</Code>
        </Text>
      )}
      <Text size="sm" c="dimmed" ta="center" role="status">
        {t(data.instance.state === 'connecting' ? 'link.waiting' : 'link.starting')}
      </Text>
      {error !== null && <ErrorPanel error={error} onRetry={() => void refetch()} />}
    </Stack>
  );
}
