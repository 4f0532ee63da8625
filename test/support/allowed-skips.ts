/** A test that may be skipped although everything is required (TIDELOG_REQUIRE_ALL=1). */
interface AllowedSkip {
  /** The name of the tool that is missing, where a test asks for it by name. */
  readonly tool?: string;
  /** Matches the full names of the tests. */
  readonly tests: RegExp;
  readonly reason: string;
}

const ALLOWED_SKIPS: readonly AllowedSkip[] = [
  {
    tests: /^tidelog completion > proposes in (zsh|fish) for/,
    reason: 'few machines have zsh and fish; the script for bash is made from the same places',
  },
  {
    tool: 'zstd in Node',
    tests: /'(portable )?zstd' > gives back|zstd.*(Node|native|writes|compresses)|Node.*zstd/i,
    reason: 'Node writes zstd from 22.15 on; the tests for both cases exclude each other',
  },
  {
    tool: 'a file system of its own',
    tests: /^segments export to a disk that is full > does so on a real one/,
    reason: 'a container may not mount one; writes that fail with ENOSPC are tested everywhere',
  },
  {
    tests:
      /^dynamodb( of the endpoint)? as an ItemStore > time > refuses a put that was signed more than 15 minutes ago/,
    reason:
      'what stands in for DynamoDB checks no signatures; how an expired one is understood is tested against an HTTP server',
  },
  {
    tests: /^dynamodb of the endpoint as an ItemStore > queries > goes through pages of 1 MB/,
    reason: 'MiniStack answers every query in one page; DynamoDB Local cuts them as DynamoDB does',
  },
  {
    tests: /^the steps to AWS in README\.md > remove what was deployed$/,
    reason: 'the CDK deletes a stack by its id, and MiniStack finds stacks by their names only',
  },
  {
    tests: /'@platformatic\/kafka [^']*' > commits offsets of a group with the records, or neither$/,
    reason: 'it commits offsets in a transaction through a consumer that has read only; four other clients are tried',
  },
];

/** Why a tool may be missing; undefined if it may not. */
export function allowedTool(name: string): string | undefined {
  return ALLOWED_SKIPS.find(({ tool }) => tool === name)?.reason;
}

/** Why a test may be skipped; undefined if it may not. */
export function allowedSkip(testName: string): string | undefined {
  return ALLOWED_SKIPS.find(({ tests }) => tests.test(testName))?.reason;
}
