/** How a health score is read: as the API rates it. */
import type { Tone } from './tones';

export type Rating = 'excelente' | 'bom' | 'moderado' | 'ruim';

export function ratingOf(score: number): Rating {
  if (score >= 90) return 'excelente';
  if (score >= 70) return 'bom';
  return score >= 50 ? 'moderado' : 'ruim';
}

const TONES: Record<Rating, Tone> = { excelente: 'good', bom: 'good', moderado: 'warn', ruim: 'bad' };

export const healthTone = (score: number): Tone => TONES[ratingOf(score)];
