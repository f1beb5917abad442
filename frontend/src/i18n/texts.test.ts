import { expect, it } from 'vitest';

type Texts = { [key: string]: string | Texts };

const files = import.meta.glob<Texts>(['../locales/*.json', '../features/*/locales/*.json'], {
  eager: true,
  import: 'default',
});

function lines(texts: Texts, path = ''): Record<string, string> {
  return Object.assign(
    {},
    ...Object.entries(texts).map(([key, value]) =>
      typeof value === 'string'
        ? { [path + key]: value }
        : lines(value, `${path}${key}.`),
    ),
  ) as Record<string, string>;
}

const variables = (text: string): string[] => [...(text.match(/{{\w+/g) ?? [])].sort();

/** What only one language needs: the API's sentences are Portuguese already. */
const oneSided = /^error\.codes\./;

it.each(Object.keys(files).filter((path) => path.endsWith('pt-BR.json')))(
  '%s says the same in English',
  (path) => {
    const portuguese = lines(files[path] as Texts);
    const english = lines(files[path.replace('pt-BR.json', 'en.json')] as Texts);
    const keys = (texts: object) => Object.keys(texts).filter((key) => !oneSided.test(key));
    expect(keys(english).sort()).toEqual(keys(portuguese).sort());
    for (const key of keys(portuguese)) {
      expect([key, variables(english[key] ?? '')]).toEqual([
        key,
        variables(portuguese[key] ?? ''),
      ]);
    }
  },
);
