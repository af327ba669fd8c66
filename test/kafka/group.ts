import { join } from 'node:path';

import { expect } from 'vitest';

import { erase } from '../../schemas/brand.ts';
import { type RunningClickHouse, startClickHouse } from '../clickhouse/running-server.ts';
import { temporaryDirectory } from '../integration/command-line.ts';
import { rowsOf } from '../integration/tables.ts';
import { type Broker, type Brokers, KAFKA_VERSIONS, type KafkaVersion } from './broker.ts';
import { type SentEvent, consumeAll, produceJson } from './records.ts';
import { RunningMember } from './running-member.ts';
import { type Shop, brokerOf, expectTables, linkedShopOf } from './scene.ts';

/** As configured without a setting. */
export const PARTITIONS = 4;
const [NEWEST] = KAFKA_VERSIONS;

/** What processes share. */
interface GroupParts<Via extends Brokers> {
  /** Theirs, and of ClickHouse. */
  readonly directory: string;
  readonly broker: Via;
  readonly clickHouse: RunningClickHouse;
}

/** A broker, or a cluster of them, and a ClickHouse server, and processes that share them. */
export class Group<Via extends Brokers = Broker> {
  readonly directory: string;
  readonly broker: Via;
  /** Where they find each other. */
  readonly environment: Readonly<Record<string, string>>;
  #clickHouse: RunningClickHouse;

  protected constructor({ directory, broker, clickHouse }: GroupParts<Via>) {
    this.directory = directory;
    this.broker = broker;
    this.environment = { ...clickHouse.environment, WEIR_KAFKA_BROKERS: broker.address };
    this.#clickHouse = clickHouse;
  }

  static async start(version: KafkaVersion = NEWEST): Promise<Group> {
    return new Group(await Group.startParts(await brokerOf(version)));
  }

  protected static async startParts<Via extends Brokers>(broker: Via): Promise<GroupParts<Via>> {
    const directory = temporaryDirectory();
    const clickHouse = await startClickHouse({ path: clickHousePathOf(directory) });
    return { directory, broker, clickHouse };
  }

  member(name: string, settings: Readonly<Record<string, string>> = {}): RunningMember {
    const dataDir = join(this.directory, name);
    return new RunningMember({ ...this.environment, WEIR_DATA_DIR: dataDir, ...settings });
  }

  /** Two processes, each with half of the partitions. */
  async pair(
    settings: Readonly<Record<string, string>> = {},
  ): Promise<readonly [RunningMember, RunningMember]> {
    const first = this.member('first', settings);
    expect(await first.is(({ partitions }) => partitions.length === PARTITIONS)).toBe(true);
    const second = this.member('second', settings);
    const hasHalf = ({ partitions }: { readonly partitions: readonly number[] }): boolean =>
      partitions.length === PARTITIONS / 2;
    expect(await Promise.all([first.is(hasHalf), second.is(hasHalf)])).toEqual([true, true]);
    // A rolling restart goes on to the next one when this one is ready.
    for (const { statuses } of [first, second]) {
      const early = statuses.filter(({ partitions }) => partitions.length === 0);
      expect(early.map(({ isReady }) => isReady)).not.toContain(true);
    }
    return [first, second];
  }

  /** Ends ClickHouse as a power cut would; what it has acknowledged stays in its files. */
  stopClickHouse(): Promise<void> {
    return this.#clickHouse.kill();
  }

  /** Starts it again where it was. */
  async resumeClickHouse(): Promise<void> {
    const { port } = this.#clickHouse;
    this.#clickHouse = await startClickHouse({ path: clickHousePathOf(this.directory), port });
  }
}

/** A group that takes a shop's events. */
export class ShopGroup<Via extends Brokers = Broker> extends Group<Via> {
  readonly shop: Shop;

  private constructor(parts: GroupParts<Via>, shop: Shop) {
    super(parts);
    this.shop = shop;
  }

  /** Without `shopOf` the events are those of a shop where ids turn out to be one visitor's. */
  static async open({
    version = NEWEST,
    shopOf,
  }: {
    readonly version?: KafkaVersion;
    readonly shopOf?: typeof linkedShopOf;
  } = {}): Promise<ShopGroup> {
    return ShopGroup.with(await brokerOf(version), shopOf);
  }

  /** As `open`, with brokers that run. */
  static async with<Via extends Brokers>(
    broker: Via,
    shopOf: typeof linkedShopOf = linkedShopOf,
  ): Promise<ShopGroup<Via>> {
    const parts = await Group.startParts(broker);
    return new ShopGroup(parts, await shopOf(parts.directory));
  }

  /** Events from one share of the file to another; resolves when the broker has acknowledged them. */
  async send(from: number, to: number): Promise<void> {
    const { events } = this.shop;
    const some: readonly SentEvent[] = events.slice(
      Math.floor(from * events.length),
      Math.floor(to * events.length),
    );
    await produceJson(this.broker, some, this.directory);
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

  /** The newest record of every alert in the topic says what ClickHouse says; call it after `expectAll`. */
  async expectAlerts(): Promise<void> {
    const newest = new Map<string, { readonly state: string; readonly withdrawn: boolean }>();
    for (const value of await consumeAll(this.broker, 'weir.alerts')) {
      const {
        alert_id: alertId,
        state,
        withdrawn,
      } = erase<{
        readonly alert_id: string;
        readonly state: string;
        readonly withdrawn: boolean;
      }>(JSON.parse(value));
      newest.set(alertId, { state, withdrawn });
    }
    const told = [...newest]
      .filter(([, { withdrawn }]) => !withdrawn)
      .map(([alertId, { state }]) => ({ alert_id: alertId, state }));
    const sql = 'SELECT alert_id, state FROM weir.alerts ORDER BY alert_id';
    const stored = await rowsOf(this.directory, sql);
    expect(stored.length).toBeGreaterThan(0);
    expect(told.toSorted((a, b) => (a.alert_id < b.alert_id ? -1 : 1))).toEqual(stored);
  }

  /** Stops ClickHouse and looks into its files: they hold embedded mode's tables. */
  async expectTables(): Promise<void> {
    await this.stopClickHouse();
    await expectTables(this.directory, this.shop);
  }
}

function clickHousePathOf(directory: string): string {
  return join(directory, 'clickhouse');
}
