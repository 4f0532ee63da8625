import type { BrokerProcess } from './broker-process.ts';

/** The flag with which a broker process serves its metrics on a free port. */
export const WITH_METRICS = ['--metrics-port', '0'];

/** The sum of a metric of a broker process over all of its labels; 0 if there is none. Needs `WITH_METRICS`. */
export async function metricOf(broker: BrokerProcess, name: string): Promise<number> {
  const address = broker.log.find(({ event }) => event === 'started')?.monitoring;
  const page = await (await fetch(`http://${address}/metrics`)).text();
  let sum = 0;
  for (const line of page.split('\n')) {
    if (line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}
