import { Command, InvalidArgumentError } from 'commander';

const EXIT_USAGE = 2;

/** A program for developers. Wrong flags end it with exit code 2. `usage` starts it, such as `npm run sim --`. */
export function developerProgram(usage: string, description: string): Command {
  return new Command(usage)
    .description(description)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_USAGE))
    .configureHelp({ helpWidth: 120 });
}

/** A parser for flags that take a whole number. */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It takes a whole number.');
  return Number(text);
}

/** A parser for flags that take a number that may have a fraction. */
export function positiveNumber(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('It takes a number above 0.');
  return number;
}

/** A parser for flags that take whole numbers, separated by commas. */
export function numberList(text: string): number[] {
  return commaList(text).map(wholeNumber);
}

/** A parser for flags that take a list, separated by commas. */
export function commaList(text: string): string[] {
  return text.split(',').filter((word) => word !== '');
}

/** A parser for flags that may be repeated; collects their values. */
export function collected(text: string, before: readonly string[]): string[] {
  return [...before, text];
}
