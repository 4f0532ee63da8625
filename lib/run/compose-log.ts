import type { LogBroker } from '../broker/broker.ts';
import { Log } from '../log/log.ts';
import { Partitions } from '../log/partitions.ts';
import { ReadBudget } from '../log/read-budget.ts';
import { SegmentIndex } from '../segments/segment-index.ts';
import { SegmentReader } from '../segments/segment-reader.ts';
import type { Engine } from './compose.ts';
import type { ComposeOptions } from './compose-options.ts';

/**
 * The most bytes that fetches may hold, read and not yet sent: five full fetches of 50 MiB, the
 * largest default of common clients.
 */
const READ_BYTES_MAX = 256 * 1024 * 1024;

/** Adds the log (access to partitions) to an engine. */
export function withLog<E extends Engine>(options: ComposeOptions, engine: E): E & { readonly broker: LogBroker } {
  const { settings, asFunction, stores, random } = options;
  const { clock, pace, authorize, leadership, admin } = engine.broker;
  const log = new Log({
    clock,
    pace,
    partitions: new Partitions(admin.topics, admin.journals, asFunction?.tidiesUp !== false),
    leadership,
    authorize,
    segments: new SegmentReader({
      index: new SegmentIndex({ state: stores.state, clock, random }),
      blobs: stores.blobs,
      clock,
      cacheBytes: settings.cacheBytes,
      readsAhead: asFunction === undefined,
    }),
    readBudget: new ReadBudget(READ_BYTES_MAX, options.unsentBytes ?? (() => 0)),
    validation: settings.produceValidation,
    batchBytesMax: asFunction?.batchBytesMax,
  });
  return { ...engine, broker: { ...engine.broker, log } };
}
