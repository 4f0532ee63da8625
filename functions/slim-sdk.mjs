import { readFileSync } from 'node:fs';

/**
 * What the AWS SDK's clients import and the functions never use, by what takes its place. Each would be called only by an
 * operation or in a runtime that the functions do not have.
 */
const REPLACED = [
  // Fallbacks for a Node without node:crypto.
  { filter: /[/\\]Sha256Js\.js$/, contents: 'export const Sha256Js = undefined;' },
  { filter: /[/\\]Sha1Js\.js$/, contents: 'export const Sha1Js = undefined;' },
  { filter: /[/\\]Md5Js\.js$/, contents: 'export const Md5Js = undefined;' },
  // Event streams: SelectObjectContent of S3 is the only operation with one.
  {
    filter: /[/\\]submodules[/\\]event-streams[/\\]index\.js$/,
    contents: `
      export const resolveEventStreamSerdeConfig = (config) => config;
      export const eventStreamSerdeProvider = undefined;
      export const EventStreamSerde = undefined;`,
  },
  // Discovered endpoints: no command of DynamoDB that the functions send looks one up.
  { filter: /[/\\]endpoint-cache[/\\].*[/\\]EndpointCache\.js$/, contents: 'export class EndpointCache {}' },
];

/** Takes out of the AWS SDK what no function uses and the bundler cannot tell: 30 KiB with S3's client. */
export const slimSdk = {
  name: 'slim-sdk',
  setup(builder) {
    for (const { filter, contents } of REPLACED) builder.onLoad({ filter }, () => ({ contents, loader: 'js' }));

    // A client's package.json is imported for its version, and bundled whole.
    builder.onLoad({ filter: /@aws-sdk[/\\]client-\w+[/\\]package\.json$/ }, ({ path }) => {
      const { version } = JSON.parse(readFileSync(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });

    // The schemas' keys are constants (`[_hE]: 403`). The bundler has to take them for calls with effects, and keeps every
    // schema. Written out, the unused ones are dropped: 66 KB of S3's.
    builder.onLoad({ filter: /dist-es[/\\]schemas[/\\]schemas_\d+\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const constants = new Map(
        [...text.matchAll(/^const (\w+) = ("[^"]*");$/gm)].map(([, key, value]) => [key, value]),
      );
      const contents = text.replace(/\[(\w+)\]:/g, (found, key) =>
        constants.has(key) ? `${constants.get(key)}:` : found,
      );
      return { contents, loader: 'js' };
    });
  },
};
