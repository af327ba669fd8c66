import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { ListSettings } from './client-lists.ts';
import type { Config } from './config.ts';
import { writeDurably } from './data-dir.ts';
import { forgetState } from './forget-state.ts';
import { type CrawlerList, type RangesList, readListFile } from './list-files.ts';

/** A list as it was put into the data directory. */
export interface KeptList {
  readonly kind: RangesList['kind'] | CrawlerList['kind'];
  /** As verdicts name it. */
  readonly version: string;
  /** Networks or patterns. */
  readonly entries: number;
}

const FILE_OF_KIND = { ranges: 'ranges.json', crawlers: 'crawlers.json' } as const;

/** The lists that count: those of the configuration, else those in the data directory, else none. */
export function listFilesOf(config: Config): Pick<ListSettings, 'rangesFile' | 'crawlersFile'> {
  const { ranges, crawlers } = config.bots;
  return {
    rangesFile: ranges ?? keptFile(config, 'ranges'),
    crawlersFile: crawlers ?? keptFile(config, 'crawlers'),
  };
}

function keptFile(config: Config, kind: KeptList['kind']): string | undefined {
  const path = join(listsDirectory(config), FILE_OF_KIND[kind]);
  return existsSync(path) ? path : undefined;
}

/**
 * Checks lists that somebody has and puts them into the data directory, where the next start finds
 * them. When something is refused nothing has changed.
 *
 * @param isRecomputing removes the state of a Weir that does not run, so that its next start judges and
 *   counts everything anew from the log
 * @throws {EngineError} CONFIG_INVALID when a file is no list, or to recompute where the log is in Kafka:
 *   there every processor has state of its own
 * @throws {EngineError} STATE_LOST to recompute when the log no longer holds its first records
 * @throws {EngineError} DATA_DIR_LOCKED, DATA_DIR_UNUSABLE
 */
export async function updateLists(
  config: Config,
  files: readonly string[],
  { isRecomputing }: { readonly isRecomputing: boolean },
): Promise<readonly KeptList[]> {
  const lists = files.map((file) => ({ file, list: readListFile(file) }));
  if (isRecomputing) await forgetState(config);
  const directory = listsDirectory(config);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return lists.map(({ file, list }) => {
    writeDurably(join(directory, FILE_OF_KIND[list.kind]), readFileSync(file, 'utf8'));
    const { kind, version } = list;
    return { kind, version, entries: list.kind === 'ranges' ? list.networks.size : list.count };
  });
}

function listsDirectory(config: Config): string {
  return join(resolve(config.data_dir), 'lists');
}
