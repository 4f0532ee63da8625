/**
 * What may be missing although everything is required (TIDELOG_REQUIRE_ALL=1), by the tool's name, with the reason. Anything
 * else that is missing fails then.
 */
export const ALLOWED_SKIPS: Readonly<Record<string, string>> = {
  'zstd in Node': 'Node writes zstd from 22.15 on; the other runs of the matrix have it',
};
