import { systemClock } from '../../core/clock.ts';
import { noUnits, UNITS, type Unit, type Units } from '../../cost/charge.ts';
import { withAbort } from '../../kit/deadline.ts';
import { CommandError, usageError } from '../failure.ts';

/** How long the metrics may take to answer; ms. They are made from memory. */
const ANSWER_MAX_MS = 10_000;

const METRIC = 'tidelog_store_units_total';
const SAMPLE = new RegExp(`^${METRIC}\\{cause="([^"]*)",kind="([^"]*)"\\} (\\S+)$`, 'gm');
const STARTED = /^process_start_time_seconds (\S+)$/m;

/** What a process had counted at a moment. */
export interface Reading {
  /** Monotonic; ms. */
  readonly atMs: number;
  /** When the process was started: seconds since the Unix epoch; undefined if it does not say. */
  readonly startedAt: number | undefined;
  readonly units: ReadonlyMap<string, Units>;
}

/** The address of the metrics: `host:9404` and `http://host:9404` get the path. Throws CommandError. */
export function metricsUrl(text: string): URL {
  const address = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(address)) {
    throw usageError(`--metrics ${text} is no address: it takes one such as http://127.0.0.1:9404/metrics.`);
  }
  const url = new URL(address);
  if (url.pathname === '/') url.pathname = '/metrics';
  return url;
}

/** Asks a process for its metrics. Throws CommandError. */
export async function readMetrics(url: URL): Promise<Reading> {
  const text = await textAt(url);
  const reading = parseMetrics(text, systemClock.monotonic());
  if (reading === undefined) throw new CommandError(`What ${url} answers are not the metrics of a Tidelog.`);
  if (reading.units.size > 0) return reading;
  throw new CommandError(
    `The process at ${url} has made no calls to a store. A tunnel makes none: its functions do, and they have no metrics.`,
  );
}

/** The units in a page of metrics; undefined if it has no such metric. */
export function parseMetrics(text: string, atMs: number): Reading | undefined {
  if (!text.includes(`# TYPE ${METRIC} counter`)) return undefined;
  const units = new Map<string, Record<Unit, number>>();
  for (const [, cause, kind, value] of text.matchAll(SAMPLE)) {
    const unit = UNITS.find((known) => known === kind);
    if (unit === undefined) continue;
    const counts = units.get(cause!) ?? noUnits();
    counts[unit] = Number(value);
    units.set(cause!, counts);
  }
  const started = STARTED.exec(text)?.[1];
  return { atMs, startedAt: started === undefined ? undefined : Number(started), units };
}

async function textAt(url: URL): Promise<string> {
  try {
    return await withAbort(systemClock, ANSWER_MAX_MS, async (signal) => {
      const response = await fetch(url, { signal });
      if (response.ok) return response.text();
      throw new CommandError(`${url} answered ${response.status}: it has no metrics.`);
    });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const { cause } = error as { cause?: { code?: string; message?: string } };
    const why = cause?.code ?? cause?.message ?? (error as Error).message;
    throw new CommandError(
      `There are no metrics at ${url} (${why}). tidelog dev --metrics-port 9404 serves them; --metrics names another address.`,
      { cause: error },
    );
  }
}
