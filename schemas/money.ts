import { EngineError, assert } from './errors.ts';

/**
 * ISO 4217 codes of currencies in use and how many minor units make one unit; below by the digits of
 * the minor unit.
 *
 * @see ISO 4217:2015, list one
 */
const MINOR_UNITS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
    2:
      'AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD ' +
      'CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD ' +
      'GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD ' +
      'MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP ' +
      'PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS ' +
      'TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG',
    3: 'BHD IQD JOD KWD LYD OMR TND',
  }).flatMap(([digits, codes]) =>
    codes.split(' ').map((code) => [code, 10 ** Number(digits)] as const),
  ),
);

/** The ISO 4217 codes that Weir accepts. */
export const CURRENCY_CODES: readonly string[] = [...MINOR_UNITS.keys()];

/** Whether `code` is an ISO 4217 currency that Weir accepts. */
export function isCurrency(code: string): boolean {
  return MINOR_UNITS.has(code);
}

/**
 * How many minor units make one unit of `currency`: 100 for EUR, 1 for JPY, 1000 for KWD.
 *
 * @throws {EngineError} MONEY_INVALID for a code that is not a currency.
 */
export function minorUnitsPerUnit(currency: string): number {
  const units = MINOR_UNITS.get(currency);
  if (units === undefined) {
    throw new EngineError({
      code: 'MONEY_INVALID',
      kind: 'poison',
      message: `Expected an ISO 4217 currency code, got ${JSON.stringify(currency)}`,
    });
  }
  return units;
}

/**
 * Splits `totalMinor` in proportion to `weights` so that the parts add up to the total exactly:
 * every part is rounded toward zero, then the units left over go one each to the largest
 * remainders, ties to the earlier index. A negative total is the mirror image of the positive one.
 *
 * Whole weights make remainders whole numbers too, so that what is a tie never depends on the
 * rounding of a fraction.
 *
 * @param totalMinor a safe integer
 * @param weights whole numbers, zero or more, with a sum above zero and within the safe integers
 * @see Hare–Niemeyer (largest remainder) method
 */
export function splitByLargestRemainder(totalMinor: number, weights: readonly number[]): number[] {
  assert(Number.isSafeInteger(totalMinor), 'a total must be a safe integer');
  let weightSum = 0;
  for (const weight of weights) {
    assert(Number.isSafeInteger(weight) && weight >= 0, 'weights must be whole numbers from zero');
    weightSum += weight;
  }
  assert(
    weightSum > 0 && Number.isSafeInteger(weightSum),
    'weights must have a safe sum above zero',
  );
  const sign = totalMinor < 0 ? -1 : 1;
  const total = Math.abs(totalMinor);
  const parts: number[] = [];
  const remainders: number[] = [];
  let assigned = 0;
  for (const weight of weights) {
    const product = total * weight;
    // Products beyond the safe integers are rounded; BigInt is exact but several times slower.
    const remainder = Number.isSafeInteger(product)
      ? product % weightSum
      : Number((BigInt(total) * BigInt(weight)) % BigInt(weightSum));
    const part = Number.isSafeInteger(product)
      ? (product - remainder) / weightSum
      : Number((BigInt(total) * BigInt(weight)) / BigInt(weightSum));
    parts.push(part);
    remainders.push(remainder);
    assigned += part;
  }
  const order = remainders.map((_, index) => index);
  order.sort((a, b) => (remainders[b] ?? 0) - (remainders[a] ?? 0) || a - b);
  const left = total - assigned;
  assert(
    left >= 0 && left < parts.length,
    'largest remainder must leave less than one unit a part',
  );
  for (const index of order.slice(0, left)) parts[index] = (parts[index] ?? 0) + 1;
  return sign < 0 ? parts.map((part) => (part === 0 ? 0 : -part)) : parts;
}
