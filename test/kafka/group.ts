import { join } from 'node:path';

import { expect } from 'vitest';

import { startClickHouse } from '../clickhouse/running-server.ts';
import { temporaryDirectory } from '../integration/command-line.ts';
import { type Broker, KAFKA_VERSIONS } from './broker.ts';
import { type SentEvent, produceJson } from './records.ts';
import { RunningMember } from './running-member.ts';
import { type Shop, brokerOf, expectTables, shopOf } from './scene.ts';

/** As configured without a setting. */
export const PARTITIONS = 4;
const [NEWEST] = KAFKA_VERSIONS;

/** A broker, a ClickHouse server and a shop's events, and processes that share them. */
export class Group {
  readonly shop: Shop;
  readonly broker: Broker;
  /** Where they find each other. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #stopClickHouse: () => Promise<void>;

  private constructor(parts: {
    readonly shop: Shop;
    readonly broker: Broker;
    readonly environment: Readonly<Record<string, string>>;
    readonly stopClickHouse: () => Promise<void>;
  }) {
    this.shop = parts.shop;
    this.broker = parts.broker;
    this.environment = parts.environment;
    this.#stopClickHouse = parts.stopClickHouse;
  }

  static async start(): Promise<Group> {
    const shop = await shopOf(temporaryDirectory());
    const broker = await brokerOf(NEWEST);
    const clickHouse = await startClickHouse({ path: join(shop.directory, 'clickhouse') });
    return new Group({
      shop,
      broker,
      environment: { ...clickHouse.environment, WEIR_KAFKA_BROKERS: broker.address },
      stopClickHouse: () => clickHouse.kill(),
    });
  }

  member(name: string): RunningMember {
    const dataDir = join(this.shop.directory, name);
    return new RunningMember({ ...this.environment, WEIR_DATA_DIR: dataDir });
  }

  /** Two processes, each with half of the partitions. */
  async pair(): Promise<readonly [RunningMember, RunningMember]> {
    const first = this.member('first');
    expect(await first.is(({ partitions }) => partitions.length === PARTITIONS)).toBe(true);
    const second = this.member('second');
    const hasHalf = ({ partitions }: { readonly partitions: readonly number[] }): boolean =>
      partitions.length === PARTITIONS / 2;
    expect(await Promise.all([first.is(hasHalf), second.is(hasHalf)])).toEqual([true, true]);
    return [first, second];
  }

  /** Events from one share of the file to another; resolves when the broker has acknowledged them. */
  async send(from: number, to: number): Promise<void> {
    const { events, directory } = this.shop;
    const some: readonly SentEvent[] = events.slice(
      Math.floor(from * events.length),
      Math.floor(to * events.length),
    );
    await produceJson(this.broker, some, directory);
  }

  /** The member has taken every event that was acknowledged, and the tables are embedded mode's. */
  async expectAll(member: RunningMember): Promise<void> {
    const contributed = this.shop.count;
    expect(await member.hasAll({ partitions: PARTITIONS, contributed })).toBe(true);
    expect(member.status.counts).toMatchObject({ late: 0, dead_lettered: 0, quarantined: 0 });
    member.signal('SIGTERM');
    expect(await member.ended).toMatchObject({ exitCode: 0 });
    await this.expectTables();
  }

  /** Stops ClickHouse and looks into its files: they hold embedded mode's tables. */
  async expectTables(): Promise<void> {
    await this.#stopClickHouse();
    await expectTables(this.shop.directory, this.shop);
  }
}
