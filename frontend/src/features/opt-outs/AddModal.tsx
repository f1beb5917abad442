import { Alert, Button, Group, List, Modal, Stack, Textarea } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/ErrorPanel';
import { notifyDone } from '../../components/notify';
import { useFormat } from '../../format';
import { type LineFault, lineFaults, readLines } from './lines';
import { useOptOutActions } from './queries';

const MOST_SHOWN = 20;

/** Enters numbers by hand; a bad one is named by its line and nothing is stored. */
export function AddModal({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('opt-outs');
  const { t: common } = useTranslation();
  const format = useFormat();
  const { add } = useOptOutActions();
  const [text, setText] = useState('');
  const [faults, setFaults] = useState<LineFault[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const given = readLines(text);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setError(null);
    setFaults(null);
    try {
      const { added, known } = await add.mutateAsync(given.map((each) => each.telefone));
      notifyDone(t('add.done', { count: added, added: format.number(added), known: format.number(known) }));
      onClose();
    } catch (failure) {
      const found = lineFaults(failure, given);
      if (found === null) setError(failure);
      else setFaults(found);
    }
  };

  return (
    <Modal
      opened
      onClose={onClose}
      title={t('add.title')}
      centered
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          <Textarea
            label={t('add.label')}
            description={t('add.help')}
            placeholder={'(11) 98765-4321\n21 99876-5432'}
            autosize
            minRows={4}
            maxRows={12}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
            }}
            data-autofocus
          />
          {faults !== null && (
            <Alert color="red" variant="outline" role="alert" title={t('add.faults', { count: faults.length })}>
              <List size="sm">
                {faults.slice(0, MOST_SHOWN).map((fault) => (
                  <List.Item key={`${fault.line} ${fault.telefone}`}>
                    {t('add.fault', { line: fault.line, telefone: fault.telefone, why: fault.message })}
                  </List.Item>
                ))}
              </List>
            </Alert>
          )}
          {error !== null && <ErrorPanel error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {common('action.cancel')}
            </Button>
            <Button type="submit" loading={add.isPending} disabled={given.length === 0}>
              {t('add.action', { count: given.length })}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
