import { between } from '../crash/seeded.ts';
import { BREAKS, type Break } from './tcp-proxy.ts';

/**
 * What befalls a gateway, `restMs` after it has come back from the blow before: a slow machine gets fewer blows, not a gateway
 * that never gets to do anything.
 */
export type Blow = { readonly restMs: number } & (
  | { readonly kind: 'kill'; readonly downMs: number }
  | { readonly kind: 'freeze'; readonly frozenMs: number }
);

/** One connection breaks: a client's with a gateway, or a gateway's with the store. */
export interface Cut {
  /** Ms since the troubles began. */
  readonly at: number;
  readonly how: Break;
  /** Which of the connections there are; in [0, 1). */
  readonly pick: number;
}

export interface Plan {
  /** For each gateway, one after the other. */
  readonly blows: readonly (readonly Blow[])[];
  /** For each gateway. */
  readonly clientCuts: readonly (readonly Cut[])[];
  /** For each store. */
  readonly storeCuts: readonly (readonly Cut[])[];
}

export interface PlanOptions {
  readonly gateways: number;
  readonly stores: number;
  readonly troubledMs: number;
  /** How long one gateway, drawn by lot, stands still in one piece; ms, none if 0. */
  readonly longFreezeMs: number;
  /** Whether gateways freeze for shorter times too. */
  readonly freezes: boolean;
  /** How long a killed gateway stays away. */
  readonly downMs: readonly [number, number];
  /** Between the end of one blow and the next of the same gateway. */
  readonly restMs: readonly [number, number];
  /** Between two cuts at one gateway, and at one store. */
  readonly clientCutMs: readonly [number, number];
  readonly storeCutMs: readonly [number, number];
}

/** The first blow of the gateway that freezes for long comes after this; ms. */
const LONG_FREEZE_AFTER_MS = [1_500, 4_000] as const;
const FROZEN_MS = [100, 9_000] as const;

/** Draws up all that is to go wrong. Pure: the same options and chance give the same plan. */
export function makePlan(options: PlanOptions, random: () => number): Plan {
  const { gateways, stores, troubledMs, clientCutMs, storeCutMs } = options;
  const longOne = options.longFreezeMs > 0 ? between(random, 0, gateways - 1) : -1;
  const lists = <T>(count: number, make: (index: number) => readonly T[]) =>
    Array.from({ length: count }, (_, n) => make(n));
  return {
    blows: lists(gateways, (index) => blowsOf(options, index === longOne, random)),
    clientCuts: lists(gateways, () => cutsOf(troubledMs, clientCutMs, random)),
    storeCuts: lists(stores, () => cutsOf(troubledMs, storeCutMs, random)),
  };
}

function blowsOf(options: PlanOptions, freezesForLong: boolean, random: () => number): Blow[] {
  const { troubledMs, restMs, downMs, freezes, longFreezeMs } = options;
  const blows: Blow[] = [];
  let at = 0;
  if (freezesForLong) {
    const rest = between(random, ...LONG_FREEZE_AFTER_MS);
    blows.push({ kind: 'freeze', restMs: rest, frozenMs: longFreezeMs });
    at = rest + longFreezeMs;
  }
  for (;;) {
    const rest = between(random, ...restMs);
    at += rest;
    if (at >= troubledMs) return blows;
    if (freezes && random() < 0.5) {
      const frozenMs = between(random, ...FROZEN_MS);
      blows.push({ kind: 'freeze', restMs: rest, frozenMs });
      at += frozenMs;
    } else {
      const away = random() < 0.3 ? 0 : between(random, ...downMs);
      blows.push({ kind: 'kill', restMs: rest, downMs: away });
      at += away;
    }
  }
}

function cutsOf(troubledMs: number, everyMs: readonly [number, number], random: () => number): Cut[] {
  const cuts: Cut[] = [];
  for (let at = between(random, ...everyMs); at < troubledMs; at += between(random, ...everyMs)) {
    cuts.push({ at, how: BREAKS[between(random, 0, BREAKS.length - 1)]!, pick: random() });
  }
  return cuts;
}
