import { type ClickChannel, DEFAULT_OPTIONS, type ShopOptions } from '../../bench/shop/options.ts';
import type { ShopEvent } from '../../bench/shop/shop-event.ts';
import { Shop } from '../../bench/shop/shop.ts';
import { loadConfig } from '../../processors/config.ts';
import { type Placing, placeEvent } from '../../processors/door/door.ts';
import { createTokeniser } from '../../processors/door/tokeniser.ts';
import type { Operator } from '../../processors/engine/operator/operator.ts';
import { LIFT_COHORTS } from '../../processors/lift/row.ts';
import { createProcessors } from '../../processors/registry.ts';
import { erase } from '../../schemas/brand.ts';
import { parseEvent } from '../../schemas/events/parse.ts';
import { decodeEvent } from '../../schemas/events/wire.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { TOPIC_OF_EVENT } from '../../schemas/topics.ts';
import { ARM_SUMS, type ArmSums, NOBODY } from '../../statistics/lift-arms.ts';
import type { Arms } from '../../statistics/lift-result.ts';
import type { LawEvent } from '../laws/law-event.ts';
import { Run } from '../laws/law-run.ts';

const START_MS = Date.UTC(2026, 0, 5);

/** Any 32 bytes: the shop holds out by the tokens that they make, as the demo's shop does. */
const tokeniser = createTokeniser(Buffer.alloc(32, 7));
const PLACING: Placing = { tokeniser, partitionCounts: { visitor: 1, sku: 1 } };

/** One channel with a holdout: what is true of it, and what the processor has counted. */
export interface MeasuredChannel {
  readonly channel: string;
  readonly trueLift: number;
  readonly share: number;
  readonly arms: Arms;
}

/**
 * Ten minutes of a shop, from its raw events through the door to the processors that run.
 *
 * Half of all visitors are held out of each channel and three in five are buyers, so that a few
 * thousand visitors show a lift to within a few per cent: an interval of a sparser shop would hold
 * nearly any lift, and say nothing when it holds the true one.
 */
export class MeasuredShop {
  readonly #run: Run;
  readonly #shop: Shop;

  /** @param judge who is a machine; the bot processor by default */
  constructor(options: Partial<ShopOptions>, judge?: Operator) {
    this.#shop = new Shop({
      startMs: START_MS,
      durationMs: 10 * MINUTE_MS,
      eventsPerSecond: 40,
      conversionRate: 0.3,
      clickChannels: CLICK_CHANNELS,
      holdoutKeyOf: (visitorId) => tokeniser.token('visitor', visitorId),
      ...options,
    });
    this.#run = new Run([...(judge === undefined ? JUDGE : [judge]), ...LIFT]);
  }

  /** Hands every click and order to the processors, and to `seen`. */
  play(seen?: (event: LawEvent) => void): void {
    for (const event of [...this.#shop.next(Number.MAX_SAFE_INTEGER), ...this.#shop.finish()]) {
      const placed = placedEvent(event);
      if (placed === undefined) continue;
      this.apply(placed);
      seen?.(placed);
    }
  }

  apply(event: LawEvent): void {
    this.#run.apply(event);
  }

  channels(): readonly MeasuredChannel[] {
    const rows = [...(this.#run.output.sums.get(LIFT_COHORTS.name) ?? [])];
    return HOLDOUTS.map(({ channel, trueLift, share }) => ({
      channel,
      trueLift,
      share,
      arms: {
        treated: armOf(rows, `|${channel}|${channel}|treated|`),
        holdout: armOf(rows, `|${channel}|${channel}|holdout|`),
      },
    }));
  }
}

const HELD_OUT_SHARE = 0.5;

const CLICK_CHANNELS: readonly ClickChannel[] = DEFAULT_OPTIONS.clickChannels.map((channel) =>
  channel.holdout === undefined
    ? channel
    : { ...channel, holdout: { ...channel.holdout, share: HELD_OUT_SHARE } },
);

const HOLDOUTS = CLICK_CHANNELS.flatMap(({ name, holdout }) =>
  holdout === undefined ? [] : [{ channel: name, ...holdout }],
);

const PROCESSORS = createProcessors(
  loadConfig({
    file: undefined,
    environment: {
      WEIR_LIFT_TESTS: JSON.stringify(
        HOLDOUTS.map(({ channel, salt, share }) => ({
          id: channel,
          channel,
          salt,
          share,
          start: START_MS,
          horizon: '1d',
        })),
      ),
    },
  }),
);

const JUDGE = operatorsOf('bots');
const LIFT = operatorsOf('lift');

function operatorsOf(processor: string): readonly Operator[] {
  const { operators = [] } = PROCESSORS.find(({ name }) => name === processor) ?? {};
  return operators.filter(({ stage }) => stage === 'visitor');
}

/** The event as the log holds it: checked, with tokens; undefined for those that are about no visitor. */
function placedEvent(event: ShopEvent): LawEvent | undefined {
  const { type } = event;
  if (type !== 'click' && type !== 'order') return undefined;
  const parsed = parseEvent(type, event.toObject(), { nowMs: START_MS, clockSkewMs: Infinity });
  if (parsed.kind === 'rejected') throw new Error(parsed.message);
  const topic = TOPIC_OF_EVENT[type];
  const decoded = decodeEvent(topic, placeEvent(type, parsed.event, PLACING).value);
  if (decoded.kind !== 'ok') throw new Error(`the log's own form was not read: ${decoded.kind}`);
  return erase<LawEvent>({ topic, event: decoded.event });
}

function armOf(rows: readonly (readonly [string, readonly number[]])[], part: string): ArmSums {
  const arm: Record<(typeof ARM_SUMS)[number], number> = { ...NOBODY };
  for (const [key, sums] of rows) {
    if (!key.includes(part)) continue;
    for (const name of ARM_SUMS) {
      const column = LIFT_COHORTS.sums.findIndex((sum) => sum === name);
      arm[name] += sums[column] ?? 0;
    }
  }
  return arm;
}
