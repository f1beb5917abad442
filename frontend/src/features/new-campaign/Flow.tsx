import { Button, Group } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { FormProvider, useForm } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { useBlocker, useNavigate } from 'react-router';
import { api, type Schemas, told } from '../../api/client';
import { ApiError } from '../../api/errors';
import { showFaults } from '../../api/forms';
import { useConfirm } from '../../components/ConfirmDialog';
import { notifyDone } from '../../components/notify';
import { ConfirmStep } from './ConfirmStep';
import { ContactsStep } from './ContactsStep';
import { bodyOf, emptyValues, FIELD_STEPS, FIELDS, keyKeeper, STEPS, type Values } from './form';
import { MessageStep } from './MessageStep';
import { PaceStep } from './PaceStep';
import { StepHeader } from './StepHeader';
import { useContactList } from './useContactList';

const LAST = STEPS.length - 1;

/** The four steps and what leads from one to the next. */
export function Flow({ options }: { options: Schemas['CampaignOptions'] }) {
  const { t } = useTranslation('new-campaign');
  const navigate = useNavigate();
  const queries = useQueryClient();
  const list = useContactList(options.max_contacts);
  const [step, setStep] = useState(0);
  const [far, setFar] = useState(0);
  const [place, setPlace] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const [keyOf] = useState(keyKeeper);
  const sent = useRef(false);
  const top = useRef<HTMLDivElement>(null);
  const form = useForm<Values>({
    defaultValues: {
      ...emptyValues(),
      config: {
        ...emptyValues().config,
        systemPrompt: options.systemPrompt,
        delayMin: options.delayMin,
        delayMax: options.delayMax,
      },
    },
    shouldFocusError: true,
  });
  useLeaveQuestion(() => !sent.current && (list.loaded !== null || form.formState.isDirty));

  const ready = list.mapped && list.sendable.length > 0;
  const reach = ready ? far : 0;
  const shown = Math.min(place, Math.max(0, list.sendable.length - 1));

  const open = (next: number): void => {
    setStep(next);
    setFar((before) => Math.max(before, next));
    requestAnimationFrame(() => {
      top.current?.focus({ preventScroll: true });
      scrollTo({ top: 0 });
    });
  };

  /** To `next`, unless a field on the way says no. */
  const go = async (next: number): Promise<void> => {
    for (let at = Math.min(step, next); at < next; at += 1) {
      const fields = FIELDS.filter((field) => FIELD_STEPS[field] === at);
      if (!(await form.trigger(fields, { shouldFocus: at === step }))) {
        if (at !== step) open(at);
        return;
      }
    }
    if (next === LAST && form.getValues('name') === '') {
      const file = list.loaded?.source?.replace(/\.\w+$/, '');
      form.setValue('name', file ?? t('confirm.defaultName'));
    }
    open(next);
  };

  const send = async (values: Values): Promise<void> => {
    setError(null);
    const body = bodyOf(values, list.list.contacts);
    try {
      const params = { header: { 'Idempotency-Key': keyOf(body) } };
      const { campaign } = await told(api.POST('/api/campaigns', { params, body }));
      sent.current = true;
      void queries.invalidateQueries({ queryKey: ['campaigns'] });
      notifyDone(t(campaign.status === 'scheduled' ? 'done.scheduled' : 'done.created'));
      await navigate(`/campanhas/${campaign.campaign_id}`);
    } catch (failure) {
      if (!showFaults(failure, form.setError, FIELDS, SAME_FIELD)) setError(failure);
      const first = firstFaultyStep(failure);
      if (first !== undefined && first !== LAST) open(first);
    }
  };

  return (
    <FormProvider {...form}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (step === LAST) {
            form.clearErrors(); // the API's of before; ours are looked for again
            void form.handleSubmit(send)(event);
          } else if (ready) void go(step + 1);
        }}
      >
        <StepHeader step={step} reach={reach} onStep={(next) => void go(next)} />
        <div ref={top} tabIndex={-1} style={{ outline: 'none' }}>
          {step === 0 && <ContactsStep list={list} most={options.max_contacts} />}
          {step === 1 && (
            <MessageStep list={list} options={options} shown={shown} onShow={setPlace} />
          )}
          {step === 2 && <PaceStep messages={list.sendable.length} options={options} />}
          {step === LAST && <ConfirmStep list={list} options={options} error={error} shown={shown} />}
        </div>
        {(step > 0 || list.loaded !== null) && (
          <Group justify="space-between" mt="md">
            {step > 0 ? (
              <Button
                variant="default"
                onClick={() => {
                  open(step - 1);
                }}
              >
                {t('steps.back')}
              </Button>
            ) : (
              <span />
            )}
            {step < LAST && (
              <Button type="submit" disabled={!ready}>
                {t(`steps.to.${NEXT[step as 0 | 1 | 2]}`)}
              </Button>
            )}
          </Group>
        )}
      </form>
    </FormProvider>
  );
}

const NEXT = ['message', 'pace', 'confirm'] as const;

/** The API names the one number; the form has a list of them. */
const SAME_FIELD = { 'config.instance': 'config.instances' } as const;

function firstFaultyStep(error: unknown): number | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const steps = FIELDS.filter((field) => error.fields.some(({ path }) => path === field));
  return steps.map((field) => FIELD_STEPS[field] ?? LAST).sort((a, b) => a - b)[0];
}

/** Nothing is kept of a campaign that was not sent: ask before it is lost. */
function useLeaveQuestion(matters: () => boolean): void {
  const { t } = useTranslation('new-campaign');
  const ask = useConfirm();
  const latest = useRef(matters);
  useEffect(() => {
    latest.current = matters;
  });
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) =>
      currentLocation.pathname !== nextLocation.pathname && latest.current(),
  );
  useEffect(() => {
    if (blocker.state !== 'blocked') return;
    void ask({
      title: t('leave.title'),
      body: t('leave.body'),
      confirm: t('leave.confirm'),
      danger: true,
    }).then((leaves) => {
      if (leaves) blocker.proceed();
      else blocker.reset();
    });
  }, [blocker, ask, t]);
  useEffect(() => {
    const unload = (event: BeforeUnloadEvent): void => {
      if (latest.current()) event.preventDefault();
    };
    addEventListener('beforeunload', unload);
    return () => {
      removeEventListener('beforeunload', unload);
    };
  }, []);
}
