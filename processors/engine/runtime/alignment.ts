import { SECOND_MS } from '../../../schemas/time.ts';
import type { Stage } from '../../../schemas/topics.ts';
import type { Log, RecordBatch } from '../log/log.ts';
import type { Clock } from '../time/clock.ts';
import type { Outbox } from './outbox.ts';
import type { Task } from './task.ts';
import { unreadCount } from './unread.ts';

/**
 * How long ago something was appended at most that is taken without a look at the senders: what comes in
 * live must not wait for their checkpoints, and twice an idle second's delay is still live.
 */
const LIVE_MS = 10 * SECOND_MS;

/**
 * Keeps the sku stage beside the visitor stage, which sends it what orders do: of what is imported, or lay
 * in the log for a while, it takes no more than the senders have taken, and what followed from that has
 * arrived. Its state keeps so many changes per key; without this it would have folded those of a whole
 * import away before the first order of it comes. Where a node has one partition of several, the senders
 * are those of that partition alone: the others run beside them, roughly. The control stage is kept
 * beside the senders too: what it sends to the sku stage would otherwise be there long before the orders
 * of the same time, and say that they are far.
 *
 * It cannot come to a standstill: as long as something waits, a sender has something to take or to fetch,
 * its checkpoint is due, or the outbox has something to append, and none of them waits for these stages.
 */
export class Alignment {
  readonly #senders: () => readonly Task[];
  readonly #log: Log;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  /** All that was appended before it has been taken by the senders, and what followed from it has arrived. */
  #settledMs = -Infinity;
  /** How far the senders had come at the last checkpoint. */
  #closedMs = -Infinity;
  /** How far they had come at the one before another, of which not everything has arrived. */
  #arriving: { readonly takenToMs: number; readonly begun: number } | undefined;
  #isWaiting = false;

  constructor(options: {
    readonly senders: () => readonly Task[];
    readonly log: Log;
    readonly outbox: Outbox;
    readonly clock: Clock;
  }) {
    this.#senders = options.senders;
    this.#log = options.log;
    this.#outbox = options.outbox;
    this.#clock = options.clock;
  }

  /** To be called when a task has taken something. */
  took(): void {
    this.#isWaiting = false;
  }

  /** Whether a batch comes in live, and not from an import or from what has piled up. */
  isLive({ importName, appendedAtMs }: RecordBatch): boolean {
    return importName === undefined && appendedAtMs > this.#clock.nowMs() - LIVE_MS;
  }

  /** Whether a stage is to wait with a batch that users sent; undefined where none ever waits. */
  waitingRuleOf(stage: Stage): ((batch: RecordBatch) => boolean) | undefined {
    if (stage === 'sku') return (batch) => !this.isLive(batch) && this.#awaitsOrders(batch);
    // A clock that went back makes a batch newer than now; where nothing is left nothing waits for that.
    if (stage === 'control')
      return (batch) => !this.isLive(batch) && batch.appendedAtMs > this.#takenToMs(Infinity);
    return undefined;
  }

  /** Whether there is nothing to take because something waits for a checkpoint of the senders. */
  get needsCheckpoint(): boolean {
    return this.#isWaiting && this.#senders().some((task) => task.output.hasForwards);
  }

  /** The senders' share of a checkpoint is closed, and its deliveries are staged. */
  closed(): void {
    // An order of linked ids goes to another visitor task first: what that sends is in the next checkpoint.
    this.#arriving ??= { takenToMs: this.#closedMs, begun: this.#outbox.begun };
    this.#closedMs = this.#takenToMs(this.#clock.nowMs());
  }

  /** All that was appended before it has been taken by the senders; `endMs` when nothing is left. */
  #takenToMs(endMs: number): number {
    return Math.min(...this.#senders().map((task) => task.takenToMs(endMs)));
  }

  /** Whether orders that were appended before the batch may still bring something to the sku stage. */
  #awaitsOrders({ appendedAtMs }: RecordBatch): boolean {
    this.#settle();
    if (appendedAtMs < this.#settledMs || this.#areSendersDone()) return false;
    this.#isWaiting = true;
    return true;
  }

  #settle(): void {
    if (this.#arriving === undefined || this.#outbox.appended < this.#arriving.begun) return;
    this.#settledMs = Math.max(this.#settledMs, this.#arriving.takenToMs);
    this.#arriving = undefined;
  }

  /** Whether nothing is on its way from the senders. */
  #areSendersDone(): boolean {
    return (
      this.#outbox.appended === this.#outbox.begun &&
      this.#senders().every(
        (task) => unreadCount(task, this.#log) === 0 && !task.output.hasForwards,
      )
    );
  }
}
