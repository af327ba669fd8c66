import { InvalidArgumentError } from 'commander';

/** Reads a whole number above zero of the command line. */
export function wholeNumberOption(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('Expected a whole number above 0.');
  return number;
}

/** Reads a whole number from 1 to `max`. */
export function wholeNumberUpTo(max: number): (text: string) => number {
  return (text) => {
    const number = wholeNumberOption(text);
    if (number > max) throw new InvalidArgumentError(`Expected at most ${max}.`);
    return number;
  };
}
