import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { allowedSkip } from './allowed-skips.ts';

/**
 * Ends a run with one plain line of counts. Under TIDELOG_REQUIRE_ALL=1 a skipped test fails the run unless it is one of the
 * allowed skips, which are named with their reasons.
 */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests: TestCase[] = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const reasons = new Map<string, number>();
    const unexpected: TestCase[] = [];
    for (const test of tests.filter((one) => one.result().state === 'skipped')) {
      const reason = allowedSkip(test.fullName);
      if (reason === undefined) unexpected.push(test);
      else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    for (const [reason, skipped] of reasons) process.stdout.write(`skipped ${skipped}: ${reason}\n`);
    if (process.env.TIDELOG_REQUIRE_ALL === '1' && unexpected.length > 0) {
      for (const test of unexpected)
        process.stdout.write(`skipped without leave: ${test.module.moduleId} ${test.fullName}\n`);
      process.exitCode = 1;
    }
    process.stdout.write(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped\n`);
  }
}
