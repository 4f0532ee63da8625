#!/usr/bin/env node
// Bundles each function into its own folder in dist/functions (or the given folder), with index.mjs
// as the entry. The same sources give the same bytes, so that a deployment without a change changes
// nothing.
import { readdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { slimBundle } from './slim-bundle.mjs';

const here = new URL('.', import.meta.url);
const names = readdirSync(here)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();
const root = fileURLToPath(new URL('..', here));
const outdir = resolve(root, process.argv[2] ?? 'dist/functions');
rmSync(outdir, { recursive: true, force: true });

for (const name of names) {
  await build({
    absWorkingDir: root,
    entryPoints: [{ in: `functions/${name}.ts`, out: 'index' }],
    outdir: `${outdir}/${name}`,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // S3's client is in separate files, which a cold start reads only if the request needs it.
    splitting: true,
    chunkNames: '[name]-[hash]',
    minify: true,
    format: 'esm',
    platform: 'node',
    // Lambda runs Node 24; the tests run the bundles on the oldest Node that the package supports.
    target: 'node20',
    // Unused parts of the SDK's ES modules are dropped; those of its CommonJS modules are not.
    mainFields: ['module', 'main'],
    alias: { '@aws-sdk/credential-provider-node': './lib/storage/aws/env-credentials.ts' },
    // Identifies browsers. Node does not load it.
    external: ['bowser'],
    // `admin` answers DescribeConfigs.
    plugins: [slimBundle({ describesSettings: name === 'admin' })],
    // CommonJS code in the bundle loads Node's built-in modules by require.
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    legalComments: 'none',
    logLevel: 'warning',
  });
}
