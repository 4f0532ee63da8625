import { FRAME_FUNCTIONS } from '../../../lib/broker/apis.ts';
import { STAGES } from '../../../lib/stacks/stages.ts';
import { dollarsOf } from '../costs/bill.ts';
import { PRICES } from '../costs/prices.ts';
import type { Case, Figures } from './simulate.ts';

const MONTH_MS = 30 * 24 * 60 * 60 * 1000;

export interface Month {
  readonly calls: number;
  readonly gbSeconds: number;
  readonly dollars: number;
}

/** What a month of the same costs in us-east-1, without data transfer. */
export function monthOf(figures: Figures, durationMs: number, way: Case['way']): Month {
  const { lambda, httpApi } = PRICES;
  const factor = MONTH_MS / durationMs;
  const { memoryMiB } = STAGES.prod;
  const calls = factor * FRAME_FUNCTIONS.reduce((sum, name) => sum + figures.calls[name], 0);
  const gbSeconds =
    factor *
    FRAME_FUNCTIONS.reduce((sum, name) => sum + (figures.billedMs[name] / 1_000) * (memoryMiB[name] / 1_024), 0);
  const perCall = lambda.request + (way === 'http' ? httpApi.request : 0);
  return {
    calls,
    gbSeconds,
    dollars: calls * perCall + gbSeconds * lambda.gbSecond + factor * dollarsOf(figures.stores),
  };
}
