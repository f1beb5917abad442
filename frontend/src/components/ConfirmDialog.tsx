import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

export interface Question {
  title: string;
  /** What will happen, in full. */
  body: ReactNode;
  /** A verb: what the button does. */
  confirm: string;
  danger?: boolean;
}

type Ask = (question: Question) => Promise<boolean>;

const AskContext = createContext<Ask>(() => Promise.resolve(false));

/** `const ask = useConfirm(); if (await ask({title, body, confirm})) …` */
export function useConfirm(): Ask {
  return useContext(AskContext);
}

export function ConfirmProvider({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [question, setQuestion] = useState<Question | null>(null);
  const [opened, setOpened] = useState(false);
  const answerWith = useRef<(answer: boolean) => void>(() => undefined);

  const ask = useCallback<Ask>(
    (next) =>
      new Promise((resolve) => {
        answerWith.current(false);
        answerWith.current = resolve;
        setQuestion(next);
        setOpened(true);
      }),
    [],
  );
  const answer = (value: boolean): void => {
    answerWith.current(value);
    answerWith.current = () => undefined;
    setOpened(false);
  };

  return (
    <AskContext.Provider value={ask}>
      {children}
      <Modal
        opened={opened}
        onClose={() => {
          answer(false);
        }}
        title={question?.title}
        centered
        zIndex={400} // asked from a drawer, it stands before it
        closeButtonProps={{ 'aria-label': t('action.close') }}
      >
        <Stack>
          {typeof question?.body === 'string' ? <Text size="sm">{question.body}</Text> : question?.body}
          <Group justify="flex-end">
            <Button
              variant="default"
              data-autofocus
              onClick={() => {
                answer(false);
              }}
            >
              {t('action.back')}
            </Button>
            <Button
              color={question?.danger === true ? 'red.9' : undefined}
              onClick={() => {
                answer(true);
              }}
            >
              {question?.confirm}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </AskContext.Provider>
  );
}
