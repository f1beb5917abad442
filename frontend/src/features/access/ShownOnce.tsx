import { Alert, Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { CheckIcon, CopyIcon, KeyRoundIcon } from '../../components/icons';

interface ShownOnceProps {
  label: string;
  /** Why it must be taken now. */
  warning: string;
  secret: string;
  onDone: () => void;
}

/** A secret nobody can look up later. */
export function ShownOnce({ label, warning, secret, onDone }: ShownOnceProps) {
  const { t } = useTranslation('access');
  const { t: common } = useTranslation();
  return (
    <Stack>
      <Alert color="yellow" variant="outline" icon={<KeyRoundIcon aria-hidden />}>
        {warning}
      </Alert>
      <div>
        <Text size="sm" fw={600} mb={4}>
          {label}
        </Text>
        <Code block fz="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
          {secret}
        </Code>
      </div>
      <Group justify="flex-end">
        <CopyButton value={secret}>
          {({ copied, copy }) => (
            <Button
              variant="default"
              leftSection={
                copied ? <CheckIcon size={16} aria-hidden /> : <CopyIcon size={16} aria-hidden />
              }
              onClick={copy}
            >
              {common(copied ? 'action.copied' : 'action.copy')}
            </Button>
          )}
        </CopyButton>
        <Button onClick={onDone}>{t('kept')}</Button>
      </Group>
    </Stack>
  );
}
