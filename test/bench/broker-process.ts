import { systemClock } from '../../lib/core/clock.ts';
import { jsonLogger } from '../../lib/core/logger.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { startGateway } from '../../lib/doors/tcp/server.ts';
import { composeBroker } from '../../lib/run/compose-broker.ts';
import { growHeapFreely } from '../../lib/run/heap-growth.ts';
import { openStores } from '../../lib/run/open-stores.ts';
import { settingsOf } from '../support/settings.ts';
import type { BrokerReport, BrokerRequest } from './broker.ts';
import { dropStores } from './drop-stores.ts';
import { FlushLog } from './flush-log.ts';

// A broker as `tidelog dev` starts it, with its flushes noted, or over a store that drops the bytes. Told what to do by its
// parent's messages; ends with it.

growHeapFreely();
const [, , kind = 'embedded', dataDir = 'data', more = '{}'] = process.argv;
const settings = settingsOf({ 'tidelog.store': 'embedded', 'tidelog.data.dir': dataDir, ...JSON.parse(more) });
const log = new FlushLog();
const stores = log.watch(kind === 'drop' ? dropStores() : await openStores(settings, systemClock, systemRandom));
const logger = jsonLogger(systemClock, 'warn', (line) => process.stderr.write(line));
let port = 0;
const broker = await composeBroker({
  stores,
  clock: systemClock,
  random: systemRandom,
  logger,
  settings,
  advertised: () => ({ host: '127.0.0.1', port }),
});
const gateway = await startGateway({
  listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 0 }],
  handleFrame: broker.handleFrame,
  clock: systemClock,
  logger,
});
port = gateway.addresses.get('PLAINTEXT')!.port;

async function stop(): Promise<void> {
  await gateway.close();
  await broker.close();
  await stores.close();
  process.exit(0);
}

process.on('disconnect', () => process.exit(1));
process.on('message', (request: BrokerRequest) => {
  if (request === 'stop') {
    void stop();
    return;
  }
  const { user, system } = process.cpuUsage();
  const report: BrokerReport = { port, cpuMs: (user + system) / 1000, flushes: log.sizes, walEntries: log.walEntries };
  log.reset();
  process.send!(report);
});
process.send!('ready');
