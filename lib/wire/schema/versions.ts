import { assert } from '../../core/assert.ts';

/** Versions as Kafka's definitions write them: '3', '0-12', '9+'. */
export type Versions = `${number}` | `${number}-${number}` | `${number}+`;

/** Inclusive on both ends; `max` is Infinity for an open range. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

export const ALL_VERSIONS: VersionRange = { min: 0, max: Number.POSITIVE_INFINITY };
export const NO_VERSIONS: VersionRange = { min: 0, max: -1 };

export function parseVersions(text: Versions): VersionRange {
  const match = /^(\d+)(\+|-(\d+))?$/.exec(text);
  assert(match !== null, `not a version range: ${text}`);
  const min = Number(match[1]);
  const max = match[2] === undefined ? min : match[2] === '+' ? Number.POSITIVE_INFINITY : Number(match[3]);
  assert(min <= max, `an empty version range: ${text}`);
  return { min, max };
}

export function includesVersion(range: VersionRange, version: number): boolean {
  return version >= range.min && version <= range.max;
}
