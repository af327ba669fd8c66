import { isCurrency, minorUnitsPerUnit } from '../../../../schemas/money.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../../schemas/time.ts';

/** Shown where there is no value; a dash cannot be taken for zero. */
export const NO_VALUE = '–';

/** Half of the last digit shown: a smaller share must not look like none. */
const SHARE_SHOWN_MIN = 0.0005;

const count = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(undefined, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const percent = new Intl.NumberFormat(undefined, {
  style: 'percent',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const moneyFormats = new Map<string, Intl.NumberFormat>();

export function formatCount(value: number): string {
  return withMinus(count.format(value));
}

/** One decimal, as fractions of a conversion need; none when the value is whole to that decimal. */
export function formatFraction(value: number): string {
  const isWhole = Math.abs(value - Math.round(value)) < 0.05;
  return isWhole ? formatCount(Math.round(value)) : withMinus(tenths.format(value));
}

/** A ratio of 0.034 as 3.4 %, in the reader's spelling; what would round to nothing as less than 0.1 %. */
export function formatShare(ratio: number): string {
  if (ratio > 0 && ratio < SHARE_SHOWN_MIN) return `<${percent.format(0.001)}`;
  return withMinus(percent.format(ratio));
}

/** An amount with its currency. A code that is not in use is shown with the bare minor units. */
export function formatMoney(amountMinor: number, currency: string): string {
  if (!isCurrency(currency)) return `${formatCount(amountMinor)} ${currency}`;
  return withMinus(moneyFormat(currency).format(amountMinor / minorUnitsPerUnit(currency)));
}

/** The same with a plus where it is positive. */
export function formatMoneyDifference(amountMinor: number, currency: string): string {
  const text = formatMoney(amountMinor, currency);
  return amountMinor > 0 ? `+${text}` : text;
}

/** A length of time in the unit a person would say: `4 s`, `12 min`, `3 h 05 min`, `2 d`. */
export function formatLength(lengthMs: number): string {
  const ms = Math.max(0, lengthMs);
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  if (ms < DAY_MS) {
    const minutes = Math.floor((ms % HOUR_MS) / MINUTE_MS);
    return `${Math.floor(ms / HOUR_MS)} h ${String(minutes).padStart(2, '0')} min`;
  }
  return `${formatCount(Math.floor(ms / DAY_MS))} d`;
}

/** A latency: `41 ms`, `1.2 s`. */
export function formatLatency(lengthMs: number): string {
  if (lengthMs < SECOND_MS) return `${Math.round(lengthMs)} ms`;
  return `${formatFraction(lengthMs / SECOND_MS)} s`;
}

/** `20:58:03`, UTC. */
export function formatClock(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(11, 19);
}

/** `20:58`, UTC. */
export function formatMinute(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(11, 16);
}

/** `2026-11-21 20:58`, UTC; only the time when it is of the same UTC day as `nowMs`. */
export function formatMoment(instantMs: number, nowMs: number): string {
  const time = formatMinute(instantMs);
  if (Math.floor(instantMs / DAY_MS) === Math.floor(nowMs / DAY_MS)) return time;
  return `${new Date(instantMs).toISOString().slice(0, 10)} ${time}`;
}

function moneyFormat(currency: string): Intl.NumberFormat {
  let format = moneyFormats.get(currency);
  if (format === undefined) {
    format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
    moneyFormats.set(currency, format);
  }
  return format;
}

/** A minus is as wide as a plus and a digit, so that columns stay aligned; a hyphen is not. */
function withMinus(text: string): string {
  return text.replace('-', '\u2212');
}
