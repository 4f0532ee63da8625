import { FRAME_FUNCTIONS } from '../../../lib/broker/apis.ts';
import { dollarsOf, US_EAST_1 } from '../../../lib/cost/prices.ts';
import { STAGES } from '../../../lib/stacks/stages.ts';
import type { Case, Figures } from './simulate.ts';

const MONTH_MS = 30 * 24 * 60 * 60 * 1000;

export interface Month {
  readonly calls: number;
  readonly gbSeconds: number;
  readonly dollars: number;
}

/** What a month of the same costs in us-east-1, without data transfer. */
export function monthOf(figures: Figures, durationMs: number, way: Case['way']): Month {
  const factor = MONTH_MS / durationMs;
  const { memoryMiB } = STAGES.prod;
  const calls = factor * FRAME_FUNCTIONS.reduce((sum, name) => sum + figures.calls[name], 0);
  const gbSeconds =
    factor *
    FRAME_FUNCTIONS.reduce((sum, name) => sum + (figures.billedMs[name] / 1_000) * (memoryMiB[name] / 1_024), 0);
  const perCall = US_EAST_1['lambda.request'].usd + (way === 'http' ? US_EAST_1['httpApi.request'].usd : 0);
  return {
    calls,
    gbSeconds,
    dollars:
      calls * perCall + gbSeconds * US_EAST_1['lambda.gbSecond'].usd + factor * dollarsOf(figures.stores, US_EAST_1),
  };
}
