import { Counter, Gauge, type Histogram, type Registry } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;

/**
 * Counts values by bucket. prom-client's own histogram hashes its labels for each value, which
 * takes 0.3 us.
 */
export class Buckets {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  /** `bounds`: the buckets' upper ends, ascending. One more bucket counts larger values. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++;
    this.#counts[bucket]! += 1;
    this.#sum += value;
  }

  /** The samples of one label set of a Prometheus histogram; buckets are cumulative. */
  samples(name: string, labels: Labels): Sample[] {
    let total = 0;
    const buckets = Array.from(this.#counts, (count, index) => {
      total += count;
      const le = this.#bounds[index] ?? '+Inf';
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: total },
    ];
  }
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** The name and the help text of a metric. */
export interface Description {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

/** Adds metrics to a registry that are read only at a scrape. */
export class Readings {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  gauge({ name, help }: Description, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** `read` returns the totals since the start by their labels. */
  counter({ name, help, labelNames = [] }: Description, read: () => Iterable<readonly [Labels, number]>): void {
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.inc(labels, value);
      },
    });
  }

  /** `read` returns the buckets by their labels. */
  histogram({ name, help, labelNames = [] }: Description, read: () => Iterable<readonly [Labels, Buckets]>): void {
    const values = () => [...read()].flatMap(([labels, buckets]) => buckets.samples(name, labels));
    const described = { name, help, type: 'histogram', aggregator: 'sum', labelNames };
    const metric = { ...described, get: async () => ({ ...described, values: values() }) };
    // A registry uses only this part of a metric; its types name prom-client's own classes.
    this.#registry.registerMetric(metric as unknown as Histogram);
  }
}
