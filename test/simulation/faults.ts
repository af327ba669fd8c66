import type { Random } from '../../bench/shop/random.ts';

/** Every fault of one process, by the name under which it is drawn, counted and printed. */
export const FAULTS = [
  'crash_at_random',
  'crash_before_commit',
  'crash_after_commit',
  'crash_before_insert',
  'crash_after_insert',
  'crash_before_forward',
  'crash_after_forward',
  'commit_without_room',
  'append_without_room',
  'insert_refused',
  'insert_slow',
  'insert_answer_lost',
  'insert_arrives_after_crash',
  'clock_jump_forward',
  'clock_jump_back',
  'duplicate_record',
  'conflicting_record',
  'damaged_record',
  'future_event',
  'late_event',
  'out_of_order_event',
  'poison_event',
  'import_of_history',
] as const;

/** Faults of processes that take over from each other; drawn after the others. */
export const TAKEOVER_FAULTS = [
  'takeover_by_another',
  'takeover_of_frozen',
  'changelog_append_lost',
  'changelog_answer_lost',
  'changelog_compacted',
] as const;
export type Fault = (typeof FAULTS)[number] | (typeof TAKEOVER_FAULTS)[number];

/** How likely each fault is whenever it could happen, and how often it did. */
export class Faults {
  readonly chances: Readonly<Record<Fault, number>>;
  readonly fired: Record<Fault, number>;
  /** Off in the last phase, in which everything must come right. */
  isOn = true;
  readonly #random: Random;

  /** Draws the weights of this run: about half of the faults are off, the others differ by much. */
  constructor(random: Random, names: readonly Fault[]) {
    this.#random = random;
    this.chances = record(names, (fault) =>
      random.chance(0.5) ? 0 : random.unit() * SCALE[kindOf(fault)],
    );
    this.fired = { ...ZERO };
  }

  strikes(fault: Fault): boolean {
    if (!this.isOn || !this.#random.chance(this.chances[fault])) return false;
    this.fired[fault] += 1;
    return true;
  }

  /** The drawn weights in words, for the report of a failure. */
  describe(): string {
    return [...FAULTS, ...TAKEOVER_FAULTS]
      .filter((fault) => this.chances[fault] > 0)
      .map(
        (fault) =>
          `${fault} ${(this.chances[fault] * 100).toFixed(1)} %, fired ${this.fired[fault]}×`,
      )
      .join('; ');
  }
}

/** Highest chance of a fault whenever it could happen, by the first word of its name. */
const SCALE = { crash: 0.04, takeover: 0.5, event: 0.25, other: 0.15 } as const;

function kindOf(fault: Fault): keyof typeof SCALE {
  if (fault.startsWith('crash')) return 'crash';
  if (fault.startsWith('takeover')) return 'takeover';
  return fault.endsWith('event') || fault.endsWith('record') ? 'event' : 'other';
}

function record(names: readonly Fault[], value: (fault: Fault) => number): Record<Fault, number> {
  const values = { ...ZERO };
  for (const fault of names) values[fault] = value(fault);
  return values;
}

const ZERO: Record<Fault, number> = {
  crash_at_random: 0,
  crash_before_commit: 0,
  crash_after_commit: 0,
  crash_before_insert: 0,
  crash_after_insert: 0,
  crash_before_forward: 0,
  crash_after_forward: 0,
  commit_without_room: 0,
  append_without_room: 0,
  insert_refused: 0,
  insert_slow: 0,
  insert_answer_lost: 0,
  insert_arrives_after_crash: 0,
  clock_jump_forward: 0,
  clock_jump_back: 0,
  duplicate_record: 0,
  conflicting_record: 0,
  damaged_record: 0,
  future_event: 0,
  late_event: 0,
  out_of_order_event: 0,
  poison_event: 0,
  import_of_history: 0,
  takeover_by_another: 0,
  takeover_of_frozen: 0,
  changelog_append_lost: 0,
  changelog_answer_lost: 0,
  changelog_compacted: 0,
};
