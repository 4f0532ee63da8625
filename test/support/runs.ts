/** Of the runs of a costly property, one in so many takes place unless all are asked for. */
const PART = 5;

/**
 * How many runs a costly property gets: a part of `all` to begin with, and `all` under TIDELOG_ALL_RUNS=1, which
 * `.ci/run` sets.
 */
export function runs(all: number, environment: NodeJS.ProcessEnv = process.env): number {
  return environment.TIDELOG_ALL_RUNS === '1' ? all : Math.ceil(all / PART);
}
