import { App } from 'aws-cdk-lib';
import { readContext } from './context.ts';
import { addStacks } from './deployment.ts';
import { StackError } from './stack-error.ts';

/**
 * The program that `cdk` runs (cdk.json). It reports a wrong context in one sentence, without a
 * stack trace.
 */
const app = new App({
  // Off: on a slow machine it writes timings, and the same sources must give the same files.
  performanceReporting: false,
  // Off: the CDK's check of the templates takes longer than the rest. The tests run it for every
  // stage.
  builtinCloudFormationValidation: false,
});
const outcome = readContext((name) => app.node.tryGetContext(name), process.env);
if (outcome.kind === 'invalid') {
  fail(outcome.problem);
} else {
  try {
    addStacks(app, outcome.deployment);
    app.synth();
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    fail(error.message);
  }
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
