import { cpus, loadavg, release } from 'node:os';
import { CASES } from './cases.ts';
import { readOptions } from './options.ts';
import { type CaseSummary, summarize, table } from './report.ts';
import { runFetchCase, runProduceCase } from './run-case.ts';

// The benchmark: docs/PERFORMANCE.md says what it measures. Ends with status 1 if a figure falls short.

const options = readOptions();
const chosen = CASES.filter(
  ({ name }) => options.only.length === 0 || options.only.some((text) => name.includes(text)),
);
const summaries: CaseSummary[] = [];
for (const benchCase of chosen) {
  if (!options.json) process.stderr.write(`${benchCase.name} ...\n`);
  const run = benchCase.kind === 'produce' ? runProduceCase(benchCase, options) : runFetchCase(benchCase, options);
  summaries.push(summarize(await run));
}
const machine = {
  cpus: cpus().length,
  model: cpus()[0]?.model,
  system: `${process.platform} ${release()}`,
  node: process.version,
  loadAverage: loadavg()[0],
};
if (options.json) {
  console.log(JSON.stringify({ date: new Date().toISOString(), machine, options, cases: summaries }, undefined, 2));
} else {
  console.log(table(summaries));
  console.log(
    `\n${machine.cpus} x ${machine.model}, ${machine.system}, Node ${machine.node}, ${options.runs} runs each`,
  );
}
process.exitCode = summaries.every(({ checks }) => checks.every((check) => check.passed)) ? 0 : 1;
