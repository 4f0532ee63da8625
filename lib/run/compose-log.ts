import type { LogBroker } from '../broker/broker.ts';
import { Log } from '../log/log.ts';
import { Partitions } from '../log/partitions.ts';
import { ReadBudget } from '../log/read-budget.ts';
import type { Engine } from './compose.ts';
import type { ComposeOptions } from './compose-options.ts';

/** What fetches hold at most, read and not sent yet: five full ones of 50 MiB, the most that common clients ask for. */
const READ_BYTES_MAX = 256 * 1024 * 1024;

/** Adds the door to the partitions to an engine. */
export function withLog<E extends Engine>(options: ComposeOptions, engine: E): E & { readonly broker: LogBroker } {
  const { settings, asFunction } = options;
  const { clock, pace, authorize, leadership, admin } = engine.broker;
  const log = new Log({
    clock,
    pace,
    partitions: new Partitions(admin.topics, admin.journals, asFunction?.tidiesUp !== false),
    leadership,
    authorize,
    readBudget: new ReadBudget(READ_BYTES_MAX, options.unsentBytes ?? (() => 0)),
    validation: settings.produceValidation,
    batchBytesMax: asFunction?.batchBytesMax,
  });
  return { ...engine, broker: { ...engine.broker, log } };
}
