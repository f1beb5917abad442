/** Numbers, dates and phones as the reader of this language writes them. */
import { useTranslation } from 'react-i18next';
import { formatDuration } from './duration';
import { formatPhone } from './phone';

export interface Format {
  language: string;
  number(value: number): string;
  /** One decimal at most. */
  decimal(value: number): string;
  /** `value` is in per cent already: 96.15 → `96,2%`. */
  percent(value: number): string;
  date(value: string | Date): string;
  dateTime(value: string | Date): string;
  time(value: string | Date): string;
  /** `há 5 minutos`, `em 2 horas`. */
  relative(value: string | Date, now?: number): string;
  duration(seconds: number): string;
  /** `America/Sao_Paulo` → `Horário de Brasília`. */
  zone(name: string): string;
  phone(digits: string): string;
}

export function createFormat(language: string): Format {
  const number = new Intl.NumberFormat(language);
  const decimal = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'short' });
  const dateTime = new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'short' });
  const time = new Intl.DateTimeFormat(language, { timeStyle: 'medium' });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  return {
    language,
    number: (value) => number.format(value),
    decimal: (value) => decimal.format(value),
    percent: (value) => percent.format(value / 100),
    date: (value) => date.format(new Date(value)),
    dateTime: (value) => dateTime.format(new Date(value)),
    time: (value) => time.format(new Date(value)),
    relative: (value, now = Date.now()) => {
      const seconds = (new Date(value).getTime() - now) / 1000;
      const size = Math.abs(seconds);
      if (size < 60) return relative.format(Math.round(seconds), 'second');
      if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute');
      if (size < 86_400) return relative.format(Math.round(seconds / 3600), 'hour');
      return relative.format(Math.round(seconds / 86_400), 'day');
    },
    duration: (seconds) => formatDuration(seconds, language),
    zone: (name) =>
      new Intl.DateTimeFormat(language, { timeZone: name, timeZoneName: 'longGeneric' })
        .formatToParts()
        .find(({ type }) => type === 'timeZoneName')?.value ?? name,
    phone: formatPhone,
  };
}

/** Making one takes milliseconds (seven `Intl` objects), and every row of every list asks for one. */
const made = new Map<string, Format>();

function formatOf(language: string): Format {
  const known = made.get(language) ?? createFormat(language);
  made.set(language, known);
  return known;
}

/** Of the language shown. */
export function useFormat(): Format {
  const { i18n } = useTranslation();
  return formatOf(i18n.resolvedLanguage ?? i18n.language);
}
