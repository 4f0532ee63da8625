import { App } from 'aws-cdk-lib';
import { readContext } from './context.ts';
import { addStacks } from './deployment.ts';
import { StackError } from './stack-error.ts';

/** The program that `cdk` runs (cdk.json). What is wrong with the context is said in a sentence, without a stack trace. */
const app = new App({
  // It would write how long everything took on a slow machine, and the same sources have to give the same files.
  performanceReporting: false,
  // The CDK's check of the templates takes longer than all the rest; the tests have it, for every stage that differs.
  builtinCloudFormationValidation: false,
});
const outcome = readContext((name) => app.node.tryGetContext(name));
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
