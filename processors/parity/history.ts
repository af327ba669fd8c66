import { type Comparison, type Side, type Tolerance, compare } from './gap.ts';
import { type Observation, type Observations, referenceAt } from './observations.ts';
import { type Rates, conversionsOf } from './rates.ts';
import {
  type Drift,
  type Standing,
  type StoredStanding,
  causeAt,
  enter,
  entryMsOf,
  lose,
  move,
  openStanding,
} from './standing.ts';

/** The rules of one channel's parity; see `docs/parity.md`. */
export interface ParityRules extends Tolerance {
  /** How long a price must be out of parity before it counts, milliseconds. */
  readonly dwellMs: number;
  /** How long after its last observation a price or a reference is still believed, milliseconds. */
  readonly staleAfterMs: number;
}

/** What a channel's history is made of. */
export interface Sources {
  readonly observations: Observations;
  readonly reference: Observations;
  readonly rates: Rates;
  /** Rates taken later are left out. */
  readonly ratesVersion: number;
}

/** A stretch in which price, reference and exchange rate were the same. */
export interface Segment {
  readonly startedMs: number;
  readonly price: Observation;
  readonly reference: Observation;
  readonly fx: number;
  readonly gap: number;
  readonly side: Side;
  /** It is not believed from here on, whatever follows. */
  readonly staleMs: number;
}

/** A stretch in which a channel was silent for too long. */
export interface Silence {
  readonly openedMs: number;
  readonly resolvedMs: number | null;
}

/** What is written of a history, apart from how it stands at its end. */
export interface Course {
  readonly segments: readonly Segment[];
  readonly drifts: readonly Drift[];
  readonly silences: readonly Silence[];
}

/** What follows from the sources, from a standing on until a moment. */
export interface History extends Course {
  readonly standing: Standing;
  /** When time alone changes something next; Infinity when it does not. */
  readonly nextMs: number;
}

/** What is in force at a moment. */
interface Values {
  readonly price: Observation;
  readonly reference: Observation;
  readonly comparison: Comparison;
}

/**
 * Follows the sources from `start` until `untilMs`, inclusive, and then on until `laterMs`: two histories
 * for one walk. Cost: the moments between.
 */
export function historiesOf(
  sources: Sources,
  rules: ParityRules,
  span: { readonly start: StoredStanding; readonly untilMs: number; readonly laterMs: number },
): readonly [Course, History] {
  const walk = new Walk(sources, rules, span.start);
  walk.advance(span.untilMs);
  const course = walk.course();
  walk.advance(span.laterMs);
  return [course, walk.history()];
}

/** Follows the sources from `start` until `untilMs`, inclusive. */
export function historyOf(
  sources: Sources,
  rules: ParityRules,
  { start, untilMs }: { readonly start: StoredStanding; readonly untilMs: number },
): History {
  const walk = new Walk(sources, rules, start);
  walk.advance(untilMs);
  return walk.history();
}

/** How it stands when the sources have been followed from `start` until `untilMs`, inclusive. */
export function standingAt(
  sources: Sources,
  rules: ParityRules,
  { start, untilMs }: { readonly start: StoredStanding; readonly untilMs: number },
): Standing {
  const walk = new Walk(sources, rules, start);
  walk.advance(untilMs);
  return walk.standing;
}

/** The newest moment that the sources know of; a rate is one as soon as it is known. */
export function newestMsOf({ observations, reference, rates, ratesVersion }: Sources): number {
  const price = observations.at(-1);
  const heard = reference.at(-1);
  const newestMs = Math.max(price?.timeMs ?? 0, heard?.timeMs ?? 0);
  const compared = price && referenceAt(reference, reference.length - 1, price.promoId);
  if (price === undefined || compared === undefined || compared.currency === price.currency) {
    return newestMs;
  }
  const pair = { from: compared.currency, to: price.currency };
  return Math.max(newestMs, conversionsOf(rates, pair, ratesVersion).at(-1)?.timeMs ?? 0);
}

/**
 * The per-event path: one object that changes, instead of a chain of new ones, and no copy of what nobody
 * changes any more. With incidents that are only compared when they differ, and state that is packed by
 * bytes, that is a third of the prices per second of `npm run bench -- prices`.
 */
class Walk {
  readonly #sources: Sources;
  readonly #rules: ParityRules;
  readonly #segments: Segment[] = [];
  readonly #drifts: Drift[] = [];
  readonly #silences: Silence[] = [];
  readonly #standing: Standing;
  #segment: Segment | undefined;
  #values: Values | undefined;
  /** Indexes of the newest observations and conversion in force. */
  #price: number;
  #reference: number;
  #conversion = -1;
  #conversions: readonly { readonly timeMs: number; readonly rate: number }[] = [];
  #pair = '';
  #nowMs: number;

  constructor(sources: Sources, rules: ParityRules, start: StoredStanding) {
    this.#sources = sources;
    this.#rules = rules;
    this.#standing = openStanding(start);
    this.#nowMs = this.#standing.untilMs;
    this.#price = newestIndex(sources.observations, this.#nowMs);
    this.#reference = newestIndex(sources.reference, this.#nowMs);
    this.#values = this.#valuesAt(this.#nowMs);
    if (this.#standing.segmentMs > 0 && this.#values !== undefined) {
      this.#openSegment(this.#standing.segmentMs, this.#values);
    }
  }

  /** How it stands where the walk is; the walk's own. */
  get standing(): Standing {
    return this.#standing;
  }

  /** Goes on until a moment, inclusive. */
  advance(untilMs: number): void {
    const standing = this.#standing;
    for (;;) {
      const nextMs = this.#nextMomentMs();
      const entryMs = entryMsOf(standing, this.#rules.dwellMs);
      if (entryMs < nextMs && entryMs <= untilMs) enter(standing, entryMs);
      if (nextMs > untilMs) break;
      this.#step(nextMs);
    }
    standing.untilMs = untilMs;
  }

  /** What there is so far; what follows does not change it. */
  course(): Course {
    const { segments, drifts, silences } = this.#shown();
    return {
      segments: segments.slice(),
      drifts: drifts === this.#drifts ? drifts.slice() : drifts,
      silences: silences === this.#silences ? silences.slice() : silences,
    };
  }

  /** All of it, when the walk is over. */
  history(): History {
    const standing = this.#standing;
    const { segments, drifts, silences } = this.#shown();
    const nextMs = Math.min(this.#nextMomentMs(), entryMsOf(standing, this.#rules.dwellMs));
    return { segments, drifts, silences, standing, nextMs };
  }

  /** With what goes on; lists of the walk where nothing does. */
  #shown(): Course {
    const { status, staleMs } = this.#standing;
    return {
      segments: this.#segments,
      drifts: status === 0 ? this.#drifts : this.#drifts.concat(driftOf(this.#standing, null)),
      silences:
        staleMs === 0
          ? this.#silences
          : this.#silences.concat({ openedMs: staleMs, resolvedMs: null }),
    };
  }

  #nextMomentMs(): number {
    const { observations, reference } = this.#sources;
    let nextMs = observations[this.#price + 1]?.timeMs ?? Number.POSITIVE_INFINITY;
    const referenceMs = reference[this.#reference + 1]?.timeMs;
    if (referenceMs !== undefined && referenceMs < nextMs) nextMs = referenceMs;
    const conversionMs = this.#conversions[this.#conversion + 1]?.timeMs;
    if (conversionMs !== undefined && conversionMs < nextMs) nextMs = conversionMs;
    if (this.#segment !== undefined && this.#segment.staleMs < nextMs)
      nextMs = this.#segment.staleMs;
    return nextMs;
  }

  #step(timeMs: number): void {
    const { observations, reference } = this.#sources;
    const standing = this.#standing;
    this.#nowMs = timeMs;
    standing.newestMs = timeMs;
    while ((observations[this.#price + 1]?.timeMs ?? Infinity) <= timeMs) this.#price += 1;
    while ((reference[this.#reference + 1]?.timeMs ?? Infinity) <= timeMs) this.#reference += 1;
    const before = this.#values;
    const values = this.#valuesAt(timeMs);
    this.#values = values;
    if (values === undefined) {
      this.#endWithoutValues(timeMs);
    } else if (this.#staleMsOf(values) <= timeMs) {
      this.#segment = undefined;
      lose(standing);
      if (standing.staleMs === 0) standing.staleMs = timeMs;
    } else {
      this.#observe(timeMs, before, values);
    }
  }

  #observe(timeMs: number, before: Values | undefined, values: Values): void {
    const standing = this.#standing;
    const { comparison } = values;
    const last = before?.comparison;
    const isBack = standing.segmentMs === 0;
    const isOwnMove =
      isBack || last?.net !== comparison.net || last.referenceNet !== comparison.referenceNet;
    const push =
      last === undefined
        ? 0
        : comparison.net / comparison.referenceNet - last.net / last.referenceNet;
    const drift = standing.status === 0 ? undefined : driftOf(standing, timeMs);
    const silentMs = standing.staleMs;
    const { side } = comparison;
    move(
      standing,
      {
        timeMs,
        isOwnMove,
        isPush: isOwnMove && (isBack || push * side > 0),
        before: last,
        after: comparison,
      },
      this.#rules,
    );
    if (drift !== undefined && standing.status === 0) this.#drifts.push(drift);
    if (silentMs !== 0) this.#silences.push({ openedMs: silentMs, resolvedMs: timeMs });
    if (this.#segment === undefined || !isSame(this.#segment, values)) {
      this.#openSegment(timeMs, values);
      standing.segmentMs = timeMs;
    } else {
      this.#replaceSegment({ ...this.#segment, staleMs: this.#staleMsOf(values) });
    }
  }

  /** Nothing can be compared: a currency has come whose rate is not known. */
  #endWithoutValues(timeMs: number): void {
    const standing = this.#standing;
    if (this.#segment !== undefined) {
      this.#replaceSegment({ ...this.#segment, staleMs: timeMs });
      this.#segment = undefined;
    }
    if (standing.staleMs !== 0) {
      this.#silences.push({ openedMs: standing.staleMs, resolvedMs: timeMs });
      standing.staleMs = 0;
    }
    lose(standing);
  }

  #openSegment(startedMs: number, values: Values): void {
    const { price, reference, comparison } = values;
    const { fx, gap, side } = comparison;
    const staleMs = this.#staleMsOf(values);
    this.#segment = { startedMs, price, reference, fx, gap, side, staleMs };
    this.#segments.push(this.#segment);
  }

  #replaceSegment(segment: Segment): void {
    this.#segment = segment;
    this.#segments[this.#segments.length - 1] = segment;
  }

  #valuesAt(timeMs: number): Values | undefined {
    const { observations, reference: all } = this.#sources;
    const price = observations[this.#price];
    const reference = price && referenceAt(all, this.#reference, price.promoId);
    if (price === undefined || reference === undefined) {
      this.#forgetPair();
      return undefined;
    }
    const fx = this.#fxAt(timeMs, reference.currency, price.currency);
    if (fx === undefined) return undefined;
    const { toleranceBasisPoints } = this.#rules;
    return {
      price,
      reference,
      comparison: compare(price, reference, { fx, toleranceBasisPoints }),
    };
  }

  #fxAt(timeMs: number, from: string, to: string): number | undefined {
    if (from === to) {
      this.#forgetPair();
      return 1;
    }
    const name = `${from}/${to}`;
    if (name !== this.#pair) {
      const { rates, ratesVersion } = this.#sources;
      this.#conversions = conversionsOf(rates, { from, to }, ratesVersion);
      this.#conversion = newestIndex(this.#conversions, timeMs);
      this.#pair = name;
    }
    while ((this.#conversions[this.#conversion + 1]?.timeMs ?? Infinity) <= timeMs)
      this.#conversion += 1;
    return this.#conversions[this.#conversion]?.rate;
  }

  #forgetPair(): void {
    this.#conversions = [];
    this.#conversion = -1;
    this.#pair = '';
  }

  /** The reference channel is heard of by whatever it sends. */
  #staleMsOf({ price }: Values): number {
    const heardMs = this.#sources.reference[this.#reference]?.timeMs ?? 0;
    return Math.min(price.timeMs, heardMs) + this.#rules.staleAfterMs;
  }
}

function driftOf(standing: Standing, resolvedMs: number | null): Drift {
  const { openedMs, startedMs, status, cause, gapUnits } = standing;
  return {
    openedMs,
    resolvedMs,
    startedMs,
    side: status,
    cause: causeAt(cause) ?? 'price',
    gapUnits,
  };
}

/** The index of the newest entry at or before `timeMs`; −1 when there is none. */
function newestIndex(list: readonly { readonly timeMs: number }[], timeMs: number): number {
  let index = list.length - 1;
  while (index >= 0 && (list[index]?.timeMs ?? 0) > timeMs) index -= 1;
  return index;
}

/** Whether the segment goes on with these values. */
function isSame(segment: Segment, values: Values): boolean {
  return (
    segment.fx === values.comparison.fx &&
    isSamePrice(segment.price, values.price) &&
    isSamePrice(segment.reference, values.reference)
  );
}

function isSamePrice(a: Observation, b: Observation): boolean {
  return (
    a.priceMinor === b.priceMinor &&
    a.currency === b.currency &&
    a.taxBasisPoints === b.taxBasisPoints &&
    a.promoId === b.promoId
  );
}

/** What a drift is called in tables. */
export function statusOf(side: Side): 'UNDER' | 'PARITY' | 'OVER' {
  if (side < 0) return 'UNDER';
  return side > 0 ? 'OVER' : 'PARITY';
}
