import { readFileSync } from 'node:fs';

/**
 * Replacements for modules that the bundler keeps and the functions never use. Each would be called
 * only by an operation, with a setting or in a runtime that the functions do not have.
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
  // Signatures for several regions at once: no bucket has them. The rest is the plain signer.
  {
    filter: /[/\\]signature-v4-multi-region[/\\]dist-es[/\\]SignatureV4MultiRegion\.js$/,
    contents: `export { SignatureV4 as SignatureV4MultiRegion } from '@smithy/signature-v4';`,
  },
  // The region of an EC2 instance: Lambda says the region in a variable.
  {
    filter: /[/\\]getInstanceMetadataRegion\.js$/,
    contents: 'export const getInstanceMetadataRegion = async () => undefined;',
  },
  // The adaptive mode of retries: the functions use none but the standard mode.
  { filter: /[/\\]DefaultRateLimiter\.js$/, contents: 'export class DefaultRateLimiter {}' },
  // Buckets of S3 Express: the functions have none.
  {
    filter: /[/\\]S3ExpressIdentityProviderImpl\.js$/,
    contents: 'export class S3ExpressIdentityProviderImpl {}',
  },
  // Bodies of XML: the functions send objects only, and read what S3 answers.
  {
    filter: /[/\\]protocols[/\\]xml[/\\]XmlShapeSerializer\.js$/,
    contents: `
      import { NormalizedSchema } from '@smithy/core/schema';
      import { SerdeContextConfig } from '../ConfigurableSerdeContext';
      export class XmlShapeSerializer extends SerdeContextConfig {
        write(schema, value) {
          if (!NormalizedSchema.of(schema).isBlobSchema()) throw new Error('a function sends no XML');
          this.bytes = value;
        }
        flush() {
          const { bytes } = this;
          this.bytes = undefined;
          return bytes;
        }
      }`,
  },
  // A checksum that the functions do not ask for, and the streams of browsers.
  { filter: /[/\\]Crc64NvmeJs\.js$/, contents: 'export class Crc64NvmeJs {}' },
  { filter: /[/\\]sdk-stream-mixin\.browser\.js$/, contents: 'export const sdkStreamMixin = undefined;' },
  {
    filter: /[/\\]createBufferedReadable\.browser\.js$/,
    contents: `
      export const createBufferedReadableStream = undefined;
      export const createBufferedReadable = undefined;
      export const merge = undefined;
      export const flush = undefined;
      export const sizeOf = undefined;
      export const modeOf = undefined;`,
  },
  // A function listens nowhere.
  {
    filter: /[/\\]lib[/\\]settings[/\\]rest-listener\.ts$/,
    contents: `export const readRestListener = () => ({ kind: 'rest', address: undefined });`,
  },
  // Endpoint discovery: no DynamoDB command of the functions uses it.
  { filter: /[/\\]endpoint-cache[/\\].*[/\\]EndpointCache\.js$/, contents: 'export class EndpointCache {}' },
];

/**
 * The errors that keep a class of their own. An error without one becomes the service's base
 * exception, with the same name, message and metadata; the functions use nothing else of it. This
 * one has a field: the item that was met.
 */
const ERRORS_WITH_FIELDS = new Set(['ConditionalCheckFailedException']);

/** The names of AWS's regions for people, in the list that endpoints are made from. */
const PARTITIONS = /[/\\]util-endpoints[/\\]lib[/\\]aws[/\\]partitions\.js$/;
const REGION_DESCRIPTION = /"description": "[^"]*"/g;

/**
 * The files of lib/settings with help texts, which only the command line shows, and with the forms of
 * values, of which DescribeConfigs derives Kafka's types.
 */
const WITH_HELP = /[/\\]lib[/\\]settings[/\\](?:schema|log-settings)\.ts$/;
const HELP = /\bhelp:\s*'(?:[^'\\]|\\.)*'/g;
const HELP_AND_VALUES = /\b(help|value):\s*'(?:[^'\\]|\\.)*'/g;

/** The documentation of topics' configs, which DescribeConfigs shows and REST does not. */
const DOCUMENTATION = /[/\\]lib[/\\]topics[/\\]configs[/\\]topic-config-documentation\.ts$/;

/**
 * Removes what a function does not use and the bundler keeps: parts of the AWS SDK, 50 KiB with S3's
 * client, and texts of settings; `describesSettings` keeps the forms of their values.
 */
export const slimBundle = ({ describesSettings }) => ({
  name: 'slim-bundle',
  setup(builder) {
    for (const { filter, contents } of REPLACED) builder.onLoad({ filter }, () => ({ contents, loader: 'js' }));

    builder.onLoad({ filter: WITH_HELP }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const contents = describesSettings ? text.replace(HELP, "help: ''") : text.replace(HELP_AND_VALUES, "$1: ''");
      return { contents, loader: 'ts' };
    });

    builder.onLoad({ filter: PARTITIONS }, ({ path }) => {
      return { contents: readFileSync(path, 'utf8').replace(REGION_DESCRIPTION, ''), loader: 'js' };
    });

    if (!describesSettings) {
      builder.onLoad({ filter: DOCUMENTATION }, () => ({
        contents: 'export const TOPIC_CONFIG_DOCUMENTATION = new Map();',
        loader: 'js',
      }));
    }

    // A client imports its package.json for the version only, but it is bundled completely.
    builder.onLoad({ filter: /@aws-sdk[/\\]client-\w+[/\\]package\.json$/ }, ({ path }) => {
      const { version } = JSON.parse(readFileSync(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });

    // The schemas' keys are constants (`[_hE]: 403`). The bundler treats them as possible side
    // effects, and keeps every schema. With literal keys the unused schemas are dropped: 66 KB of
    // S3's.
    builder.onLoad({ filter: /dist-es[/\\]schemas[/\\]schemas_\d+\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const constants = new Map(
        [...text.matchAll(/^const (\w+) = ("[^"]*");$/gm)].map(([, key, value]) => [key, value]),
      );
      const contents = text
        .replace(/\[(\w+)\]:/g, (found, key) => (constants.has(key) ? `${constants.get(key)}:` : found))
        .replace(/^n0_registry\.registerError\(\w+\$, (\w+)\);$/gm, (found, error) =>
          ERRORS_WITH_FIELDS.has(error) ? found : '',
        );
      return { contents, loader: 'js' };
    });
  },
});
