/** What a colour means. Colour never says it alone: a word or an icon stands beside it. */
export type Tone = 'neutral' | 'info' | 'good' | 'warn' | 'bad' | 'doubt';

export const toneText = (tone: Tone): string => `var(--tone-${tone}-text)`;
export const toneGround = (tone: Tone): string => `var(--tone-${tone}-ground)`;
