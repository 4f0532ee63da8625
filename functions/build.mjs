#!/usr/bin/env node
// Bundles each function into a folder of its own in dist/functions (or the folder given), with index.mjs to begin with. The same sources give the same bytes, so that a deployment without a
// change changes nothing.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = new URL('.', import.meta.url);
const names = readdirSync(here)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();
const root = fileURLToPath(new URL('..', here));
const outdir = resolve(root, process.argv[2] ?? 'dist/functions');
rmSync(outdir, { recursive: true, force: true });

/**
 * The SDK's schemas have keys that are constants (`[_hE]: 403`), which the bundler has to take for calls with effects and so keeps all
 * that nobody uses. Written out, they are dropped: 66 KB of S3's.
 */
const plainSchemaKeys = {
  name: 'plain-schema-keys',
  setup(builder) {
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

for (const name of names) {
  await build({
    absWorkingDir: root,
    entryPoints: [{ in: `functions/${name}.ts`, out: 'index' }],
    outdir: `${outdir}/${name}`,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What a request may do without (S3's client) is in files of its own, which a cold start does not read.
    splitting: true,
    chunkNames: '[name]-[hash]',
    minify: true,
    format: 'esm',
    platform: 'node',
    // Lambda runs Node 24; what is built is tried on the oldest Node that the package takes.
    target: 'node20',
    // The SDK's ES modules leave out what nobody uses, its CommonJS ones do not: 463 instead of 704 KiB.
    mainFields: ['module', 'main'],
    alias: { '@aws-sdk/credential-provider-node': './lib/storage/aws/env-credentials.ts' },
    // Tells browsers apart; on Node nothing loads it.
    external: ['bowser'],
    plugins: [plainSchemaKeys],
    // CommonJS in the bundle asks for Node's own modules by require.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    legalComments: 'none',
    logLevel: 'warning',
  });
}
