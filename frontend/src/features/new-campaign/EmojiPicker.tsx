import { Button, Popover, Stack, Text, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { SmileIcon } from '../../components/icons';
import { EMOJIS } from './message/emojis';
import classes from './NewCampaign.module.css';

export function EmojiPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const { t } = useTranslation('new-campaign');
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} trapFocus returnFocus position="bottom-end" withArrow>
      <Popover.Target>
        <Button
          size="xs"
          variant="default"
          leftSection={<SmileIcon size={14} aria-hidden />}
          aria-expanded={opened}
          onClick={() => {
            setOpened(!opened);
          }}
        >
          {t('emoji.open')}
        </Button>
      </Popover.Target>
      <Popover.Dropdown mah={320} style={{ overflowY: 'auto' }} aria-label={t('emoji.open')}>
        <Stack gap={6}>
          {EMOJIS.map(({ group, emojis }) => (
            <div key={group} role="group" aria-label={t(`emoji.${group}`)}>
              <Text size="xs" c="dimmed">
                {t(`emoji.${group}`)}
              </Text>
              <div className={classes.emojis}>
                {emojis.map((emoji) => (
                  <UnstyledButton
                    key={emoji}
                    className={classes.emoji}
                    onClick={() => {
                      setOpened(false);
                      onPick(emoji);
                    }}
                  >
                    {emoji}
                  </UnstyledButton>
                ))}
              </div>
            </div>
          ))}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
