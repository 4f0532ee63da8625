import { LeaderItems } from '../cluster/leader-items.ts';
import { systemClock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { systemRandom } from '../core/random.ts';
import type { ImportEnvironment } from '../imports/environment.ts';
import { type ImportOutcome, type ImportRequest, importTopic } from '../imports/import-topic.ts';
import { DueList } from '../segments/due-list.ts';
import { SegmentIndex } from '../segments/segment-index.ts';
import type { Settings } from '../settings/settings.ts';
import { checkAws } from './check-aws.ts';
import { composeEngine, type Engine } from './compose.ts';
import type { ComposeOptions } from './compose-options.ts';
import { listDueJournals } from './due-journals.ts';
import { openStores } from './open-stores.ts';
import { soloLeadership } from './solo-leadership.ts';

export type { ImportedTopic, ImportOutcome, ImportProgress, ImportRequest } from '../imports/import-topic.ts';

/**
 * Opens the store of the settings and imports a topic into it. Other processes may use the store at the
 * same time. Throws StartError, and what importTopic throws.
 */
export async function importIntoStore(
  settings: Settings,
  logger: Logger,
  request: ImportRequest,
): Promise<ImportOutcome> {
  const clock = systemClock;
  if (settings.store === 'aws') await checkAws(settings, clock);
  const stores = await openStores(settings, clock, systemRandom);
  try {
    const options = { stores, clock, random: systemRandom, logger, settings, advertised: () => NO_ADDRESS };
    const engine = await composeEngine(options, soloLeadership, listDueJournals);
    try {
      return await importTopic(importEnvironment(options, engine), request);
    } finally {
      await engine.close();
    }
  } finally {
    await stores.close();
  }
}

/** An import has no clients. */
const NO_ADDRESS = { host: 'localhost', port: 0 };

/** What an import needs, from an engine that puts journals on the due list. */
export function importEnvironment(
  { stores, clock, random, logger }: Pick<ComposeOptions, 'stores' | 'clock' | 'random' | 'logger'>,
  engine: Engine,
): ImportEnvironment {
  const changes = { state: stores.state, clock, random };
  return {
    admin: engine.broker.admin,
    leaders: new LeaderItems({ ...changes, logger }),
    index: new SegmentIndex(changes),
    due: new DueList(changes),
  };
}
