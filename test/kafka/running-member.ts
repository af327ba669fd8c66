import { setTimeout as wait } from 'node:timers/promises';

import { erase } from '../../schemas/brand.ts';
import { RunningScript } from './running-script.ts';

/** What a member says of itself. */
export interface MemberStatus {
  readonly partitions: readonly number[];
  readonly lag: number;
  readonly pending: number;
  readonly isSinkHealthy: boolean;
  readonly isReady: boolean;
  readonly counts: Readonly<Record<string, number>>;
}

/** Longer than from a record to its checkpoint, its delivery and a look at the end of every topic. */
const QUIET_MS = 4_000;

const NOTHING: MemberStatus = {
  partitions: [],
  lag: 0,
  pending: 0,
  isSinkHealthy: true,
  isReady: false,
  counts: {},
};

/** A process of member.ts. */
export class RunningMember extends RunningScript {
  constructor(environment: Readonly<Record<string, string>>) {
    super('member.ts', [], { WEIR_LOG_LEVEL: 'info', ...environment });
  }

  get status(): MemberStatus {
    return { ...NOTHING, ...this.last };
  }

  /** Resolves when its status is what `isIt` accepts, at once if it is that already. */
  async is(isIt: (status: MemberStatus) => boolean): Promise<boolean> {
    if (isIt(this.status)) return true;
    return this.says((line) => {
      if (!line.startsWith('{')) return false;
      return isIt({ ...NOTHING, ...erase<Partial<MemberStatus>>(JSON.parse(line)) });
    });
  }

  /** Every status that it has told, in order. */
  get statuses(): readonly MemberStatus[] {
    return this.objects.map((told) => ({ ...NOTHING, ...told }));
  }

  /**
   * Resolves when it alone processes all partitions and nothing is left to do: for so long that what
   * a stage sends another has come back too.
   */
  async hasAll(expected: {
    readonly partitions: number;
    readonly contributed: number;
  }): Promise<boolean> {
    const isDone = ({ partitions, lag, pending, counts }: MemberStatus): boolean =>
      partitions.length === expected.partitions &&
      lag === 0 &&
      pending === 0 &&
      counts['contributed'] === expected.contributed;
    for (;;) {
      if (!(await this.is(isDone))) return false;
      const changes = this.says(() => true).then(() => false);
      const isQuiet = await Promise.race([changes, wait(QUIET_MS).then(() => true)]);
      if (isQuiet && isDone(this.status)) return true;
    }
  }

  /** How often its log has said this. */
  logged(message: string): number {
    return this.stderr.split(message).length - 1;
  }
}
