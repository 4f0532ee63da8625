import { UNITS } from '../../cost/charge.ts';
import { CostMeter } from '../../cost/meter.ts';
import { DEFAULT_REGION, dollarsOf, US_EAST_1 } from '../../cost/prices.ts';
import type { MeteredCall } from '../../storage/metering.ts';
import type { Readings } from './tallies.ts';

/** Said by both metrics: all stores count alike. */
const ELSEWHERE = 'For a store other than aws: what the same calls would be on AWS.';

/** What the calls to the stores cost, for the metrics. */
export class CostMetrics {
  readonly #meter = new CostMeter();

  constructor(readings: Readings) {
    readings.counter(
      {
        name: 'tidelog_store_units_total',
        help: `What AWS bills for calls to the store: request units of DynamoDB (write, read), requests of S3 (put, get, list, delete). ${ELSEWHERE}`,
        labelNames: ['cause', 'kind'],
      },
      () =>
        [...this.#meter.byCause()].flatMap(([cause, units]) =>
          UNITS.filter((kind) => units[kind] > 0).map((kind) => [{ cause, kind }, units[kind]] as const),
        ),
    );
    readings.counter(
      {
        name: 'tidelog_store_dollars_total',
        help: `Dollars for these units at the prices of ${DEFAULT_REGION}, without storage and data transfer. ${ELSEWHERE}`,
        labelNames: ['cause'],
      },
      () => [...this.#meter.byCause()].map(([cause, units]) => [{ cause }, dollarsOf(units, US_EAST_1)]),
    );
  }

  record(call: MeteredCall): void {
    this.#meter.record(call);
  }
}
