import { mkdirSync, statfsSync, writeFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { Command } from 'commander';
import pc from 'picocolors';

import { requireApiPort } from '../api/main.ts';
import { requireSqlPort } from '../api/sql/main.ts';
import { type Connection, checkKafka, checkSchemaRegistry } from '../processors/check-kafka.ts';
import type { Config } from '../processors/config.ts';
import { processorsOff } from '../processors/registry.ts';
import { withTables } from '../processors/stopped.ts';
import { messageOf } from '../schemas/errors.ts';
import { EVENT_TIME_MS_MIN, SECOND_MS } from '../schemas/time.ts';
import { EXIT } from './exit-code.ts';
import { sqlPlaceOf } from './node.ts';
import {
  CONFIG_OPTION,
  type CommonOptions,
  DATA_DIR_OPTION,
  JSON_OPTION,
  configOf,
} from './options.ts';

interface Finding {
  readonly check: string;
  readonly isGood: boolean;
  readonly detail: string;
}

/** Room below which a busy shop fills the disk within hours. */
const FREE_GIB_MIN = 2;
const GIB = 1_024 ** 3;

/** Clocks further apart than this make the age of rows and the end of windows look wrong to readers. */
const CLOCK_DIFFERENCE_MS_MAX = 5 * SECOND_MS;

/** `weir doctor`: checks what Weir needs, and says how to mend what is missing. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'Check configuration, data directory, disk, port, clock, ClickHouse, Kafka and schema registry, and say how to mend what is wrong.',
    )
    .addOption(CONFIG_OPTION)
    .addOption(DATA_DIR_OPTION)
    .addOption(JSON_OPTION)
    .action(async (options: CommonOptions) => {
      const config = configOf(options);
      const findings: Finding[] = [
        { check: 'configuration', isGood: true, detail: 'valid' },
        processors(config),
        node(),
        clock(),
        dataDir(config),
        disk(config),
        await port('port', config.http, requireApiPort(config)),
        ...(await sqlPort(config)),
        await (config.clickhouse.url === undefined ? clickHouse() : clickHouseServer(config)),
        ...connection('kafka', await checkKafka(config)),
        ...connection('schema registry', await checkSchemaRegistry(config)),
      ];
      const isGood = findings.every((finding) => finding.isGood);
      if (options.json === true)
        process.stdout.write(`${JSON.stringify({ ok: isGood, findings })}\n`);
      else for (const finding of findings) process.stdout.write(`${line(finding)}\n`);
      if (!isGood) process.exitCode = EXIT.failed;
    });
}

/** Nothing about what is not configured. */
function connection(check: string, found: Connection | undefined): readonly Finding[] {
  return found === undefined ? [] : [{ check, ...found }];
}

function line({ check, isGood, detail }: Finding): string {
  return `${isGood ? pc.green('ok  ') : pc.red('mend')} ${check.padEnd(15)} ${detail}`;
}

function processors(config: Config): Finding {
  const off = processorsOff(config);
  const detail = config.processors.join(', ');
  return {
    check: 'processors',
    isGood: true,
    detail: off.length === 0 ? 'all' : `${detail}; off: ${off.join(', ')}`,
  };
}

function node(): Finding {
  return { check: 'node', isGood: true, detail: process.version };
}

function clock(): Finding {
  const isGood = Date.now() > EVENT_TIME_MS_MIN;
  return {
    check: 'clock',
    isGood,
    detail: isGood
      ? new Date().toISOString()
      : 'the clock is decades behind: set it, or all events are in its future',
  };
}

function dataDir(config: Config): Finding {
  const path = resolve(config.data_dir);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const probe = join(path, `.doctor-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
    return { check: 'data directory', isGood: true, detail: path };
  } catch (error) {
    return {
      check: 'data directory',
      isGood: false,
      detail: `${messageOf(error)}; choose another with data_dir`,
    };
  }
}

function disk(config: Config): Finding {
  try {
    const { bavail, bsize } = statfsSync(resolve(config.data_dir));
    const freeGib = (bavail * bsize) / GIB;
    const detail = `${freeGib.toFixed(1)} GiB free`;
    if (freeGib >= FREE_GIB_MIN) return { check: 'disk', isGood: true, detail };
    return { check: 'disk', isGood: false, detail: `${detail}: free some, or shorten retention` };
  } catch (error) {
    return { check: 'disk', isGood: false, detail: messageOf(error) };
  }
}

/** Nothing when ClickHouse clients are not served, or ask a server. */
async function sqlPort(config: Config): Promise<readonly Finding[]> {
  const place = sqlPlaceOf(config);
  return place === undefined ? [] : [await port('sql port', place, requireSqlPort(place))];
}

async function port(
  check: string,
  { host, port: number }: { readonly host: string; readonly port: number },
  required: Promise<void>,
): Promise<Finding> {
  try {
    await required;
    return { check, isGood: true, detail: `${host}:${number} is free` };
  } catch (error) {
    return { check, isGood: false, detail: messageOf(error) };
  }
}

async function clickHouse(): Promise<Finding> {
  try {
    const { version } = await import('chdb');
    const { chdb, libchdb } = version();
    return {
      check: 'clickhouse',
      isGood: true,
      detail: `embedded, ${libchdb.replaceAll('"', '')} (chdb ${chdb})`,
    };
  } catch {
    return {
      check: 'clickhouse',
      isGood: false,
      detail: 'the package chdb is missing: it needs Linux with glibc or macOS',
    };
  }
}

async function clickHouseServer(config: Config): Promise<Finding> {
  const check = 'clickhouse';
  try {
    const [row] = await withTables(config, (server) =>
      server.query(
        `SELECT version() AS version, toUnixTimestamp64Milli(now64(3)) AS now,
           (SELECT count() FROM system.tables WHERE database = 'weir') AS tables`,
      ),
    );
    const differenceMs = Number(row?.['now']) - Date.now();
    if (Math.abs(differenceMs) > CLOCK_DIFFERENCE_MS_MAX) {
      return {
        check,
        isGood: false,
        detail: `its clock differs from ours by ${Math.round(differenceMs / SECOND_MS)} s: set both by one source`,
      };
    }
    const tables =
      row?.['tables'] === 0
        ? 'no tables yet: the first start, or weir migrate, makes them'
        : 'tables are there';
    return { check, isGood: true, detail: `server ${String(row?.['version'])}, ${tables}` };
  } catch (error) {
    return {
      check,
      isGood: false,
      detail: `${messageOf(error)}; see docs/clickhouse.md for address, user and rights`,
    };
  }
}
