/**
 * An environment without the variables that Tidelog, the AWS SDK or Node would take for settings. Processes that a test
 * starts get it, so that the variables of the test run (TIDELOG_REQUIRE_ALL=1) change nothing in them.
 */
export function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(TIDELOG_|AWS_|NODE_OPTIONS)/.test(name)),
  );
}
