import { BASIS_POINTS } from './gap.ts';

/** Reads `channel=hundredths of a percent`, below 100 %; undefined when it is something else. */
export function parseTaxRate(
  text: string,
): { readonly channel: string; readonly basisPoints: number } | undefined {
  const match = /^(.+)=(\d{1,4})$/.exec(text.trim());
  const channel = match?.[1]?.trim() ?? '';
  const basisPoints = Number(match?.[2]);
  return channel !== '' && basisPoints < BASIS_POINTS ? { channel, basisPoints } : undefined;
}

/** The tax rates of a list of `channel=rate`; of several for one channel the last holds. */
export function taxBasisPointsOf(texts: readonly string[]): ReadonlyMap<string, number> {
  const rates = new Map<string, number>();
  for (const text of texts) {
    const parsed = parseTaxRate(text);
    if (parsed !== undefined) rates.set(parsed.channel, parsed.basisPoints);
  }
  return rates;
}
