/** Colours, shapes and defaults. Every pair of text and ground keeps a contrast of 4.5:1. */
import {
  createTheme,
  type CSSVariablesResolver,
  type MantineColorsTuple,
} from '@mantine/core';

const brand: MantineColorsTuple = [
  '#ecfdf5',
  '#d1fae5',
  '#a7f3d0',
  '#6ee7b7',
  '#34d399',
  '#10b981',
  '#059669',
  '#047857',
  '#065f46',
  '#064e3b',
];

/** A dialog's head is no banner of the page. */
const DIALOG = {
  attributes: { header: { role: 'presentation' } },
  styles: { title: { fontWeight: 650 } },
};

export const theme = createTheme({
  primaryColor: 'brand',
  primaryShade: { light: 7, dark: 7 },
  colors: { brand },
  defaultRadius: 'md',
  cursorType: 'pointer',
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif',
  headings: { fontWeight: '650' },
  respectReducedMotion: true,
  components: {
    Modal: { defaultProps: DIALOG },
    Drawer: { defaultProps: DIALOG },
  },
});

/** Mantine's dimmed, placeholder and error colours are too pale to read on both grounds. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#545c64',
    '--mantine-color-placeholder': '#667079',
    '--mantine-color-error': '#c92a2a',
    '--mantine-color-anchor': '#036b4e',
    '--mantine-color-body': '#ffffff',
    '--rf-ground': '#f6f8f9',
    '--rf-line': '#e3e7ea',
  },
  dark: {
    '--mantine-color-dimmed': '#a9b1b8',
    '--mantine-color-placeholder': '#939ba3',
    '--mantine-color-error': '#ff8787',
    '--mantine-color-anchor': '#34d399',
    '--rf-ground': '#16191c',
    '--rf-line': '#33393f',
  },
});
