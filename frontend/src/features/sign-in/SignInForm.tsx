import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useTranslation } from 'react-i18next';
import { signIn } from '../../api/session';
import { ErrorPanel } from '../../components/ErrorPanel';

interface Values {
  email: string;
  password: string;
}

/** E-mail and password; `email` given: only the password is asked for. */
export default function SignInForm({ email }: { email?: string }) {
  const { t } = useTranslation('sign-in');
  const [error, setError] = useState<unknown>(null);
  const { register, handleSubmit, formState, resetField } = useForm<Values>({
    defaultValues: { email: email ?? '', password: '' },
  });

  const submit = handleSubmit(async (values) => {
    setError(null);
    try {
      await signIn(values.email, values.password);
    } catch (failure) {
      setError(failure);
      resetField('password');
    }
  });

  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Stack>
        <TextInput
          label={t('email')}
          type="email"
          autoComplete="username"
          readOnly={email !== undefined}
          error={formState.errors.email && t('emailMissing')}
          {...register('email', { required: true })}
        />
        <PasswordInput
          label={t('password')}
          autoComplete="current-password"
          visibilityToggleButtonProps={{ 'aria-label': t('showPassword') }}
          error={formState.errors.password && t('passwordMissing')}
          {...register('password', { required: true })}
        />
        {error !== null && <ErrorPanel error={error} title={t('failed')} />}
        <Button type="submit" loading={formState.isSubmitting}>
          {t('submit')}
        </Button>
      </Stack>
    </form>
  );
}
