#!/usr/bin/env node
// Bundles each function into a folder of its own in dist/functions (or the given folder); index.mjs
// is its entry. The same sources give the same bytes, so a deployment without a change updates
// nothing.
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
 * The SDK's schemas have computed keys that are constants (`[_hE]: 403`). The bundler must assume
 * side effects there and keeps unused schemas. With the constants inlined it drops them: 66 KB of
 * S3's client.
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
    // Code that not every request needs (S3's client) is in separate files, which a cold start does
    // not read.
    splitting: true,
    chunkNames: '[name]-[hash]',
    minify: true,
    format: 'esm',
    platform: 'node',
    // Lambda runs Node 24; the tests run the bundles on the oldest Node that the package supports.
    target: 'node20',
    // Unused code can be dropped from the SDK's ES modules, not from its CommonJS ones: 463 instead
    // of 704 KiB.
    mainFields: ['module', 'main'],
    alias: { '@aws-sdk/credential-provider-node': './lib/storage/aws/env-credentials.ts' },
    // Detects browsers; Node does not load it.
    external: ['bowser'],
    plugins: [plainSchemaKeys],
    // CommonJS code in the bundle loads Node's own modules with require.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    legalComments: 'none',
    logLevel: 'warning',
  });
}
