import type { Panel, Row, Update, Value } from '../../schemas/panel.ts';
import { MINUTE_MS } from '../../schemas/time.ts';
import { type Filter, matches } from './filter.ts';

/** How settled the numbers of a window are. */
export type WindowState = 'provisional' | 'matured' | 'final';

/** A public row and its JSON, encoded once for all viewers. */
export interface ViewRow {
  readonly row: Row;
  readonly json: string;
  /** The row before the last change that viewers were told of; undefined when there was none. */
  readonly previous: Row | undefined;
}

/** What one change set did to a view. */
export interface ViewChange {
  readonly seq: number;
  readonly rows: readonly ViewRow[];
  /** Those of `rows` whose key the view did not hold before. */
  readonly added: readonly ViewRow[];
}

/** What one task has counted for one row and one day of correction. */
interface Part {
  version: number;
  sums: readonly number[];
}

interface Entry extends ViewRow {
  readonly key: string;
  /** Values of the key columns of a sums table, or the whole row of a rows table. */
  source: Row;
  /** Start of the row's window, or its instant; undefined when the panel knows no time. */
  timeMs: number | undefined;
  /** Version of a whole row; of a sums row each part has its own. */
  version: number;
  /** The parts of a sums row; empty for whole rows. */
  readonly parts: Map<string, Part>;
  readonly totals: number[];
  row: Row;
  json: string;
  previous: Row | undefined;
  /** True for a whole row that was taken back: viewers are told once, and snapshots leave it out. */
  isWithdrawn: boolean;
  /** The change set that last changed this row; 0 before its first. */
  changedSeq: number;
}

/** Column of a sums update that says when it was counted, not what. */
const CORRECTED_ON = 'corrected_on';

/** Column of whole rows: true once the row was taken back. Stored views leave such rows out. */
const WITHDRAWN = 'withdrawn';

/** How far ahead of the watermark the newest events lie at most; windows beyond it are the future. */
const PRESENT_MS = 10 * MINUTE_MS;

/**
 * The current rows of one topic, as its viewers see them: partial sums of tasks and days of
 * correction added up, the state of each window worked out from the watermark, and for every row the
 * change set that touched it last. That number is all it takes to bring any viewer up to date: one
 * that reconnects or that could not keep up gets the newest value of each row changed since, so no
 * viewer needs a queue. Bounded by the panel's `rowsMax` and `retentionMs`.
 */
export class LiveView {
  readonly panel: Panel;
  readonly #sums: ReadonlySet<string>;
  readonly #entries = new Map<string, Entry>();
  /** Entries by their time, to retire whole windows; unused for panels without time. */
  readonly #byTime = new Map<number, Set<Entry>>();
  /** Entries whose window is not final: only these change when the watermark moves. */
  readonly #unsettled = new Set<Entry>();
  readonly #dirty = new Set<Entry>();
  readonly #firstSeq: number;
  #seq: number;
  #newestMs = -Infinity;
  /** Rows before this instant have left, or were never held in full, and do not come back. */
  #floorMs = -Infinity;
  #watermarkMs: number | null = null;
  #allowedLatenessMs = 0;
  #refusedCount = 0;

  /**
   * @param firstSeq where numbering starts; when it is above every number of an earlier process, a
   *   viewer that resumes from that process is recognised as unknown.
   */
  constructor(panel: Panel, firstSeq: number) {
    this.panel = panel;
    this.#sums = new Set(panel.live.sums);
    this.#firstSeq = firstSeq;
    this.#seq = firstSeq;
  }

  /** The number of the newest change set. */
  get seq(): number {
    return this.#seq;
  }

  get rowCount(): number {
    return this.#entries.size;
  }

  /** Rows that were left out because one window alone holds more than `rowsMax`. */
  get refusedCount(): number {
    return this.#refusedCount;
  }

  /**
   * Starts the view where the engine's own memory starts: windows that were final before lack parts
   * that only ClickHouse has, so their later corrections are left to queries.
   */
  startAt(watermarkMs: number | null, allowedLatenessMs: number): void {
    const { windowMs } = this.panel.live;
    if (windowMs === undefined || watermarkMs === null) return;
    this.#floorMs = Math.max(this.#floorMs, watermarkMs - allowedLatenessMs - windowMs + 1);
  }

  /** Takes changed rows in; they become visible with the next `commit`. Repeats and older versions change nothing. */
  fold(updates: readonly Update[]): void {
    for (const update of updates) {
      if (update.table === this.panel.live.table) this.#foldOne(update);
    }
  }

  /** Moves the watermark: windows that it has passed change their state with the next `commit`. */
  advance(watermarkMs: number | null, allowedLatenessMs: number): void {
    const { windowMs } = this.panel.live;
    const before = this.#watermarkMs;
    const latenessBefore = this.#allowedLatenessMs;
    this.#watermarkMs = watermarkMs;
    this.#allowedLatenessMs = allowedLatenessMs;
    if (windowMs === undefined || watermarkMs === null) return;
    const isSamePane =
      before !== null &&
      latenessBefore === allowedLatenessMs &&
      Math.floor(before / windowMs) === Math.floor(watermarkMs / windowMs) &&
      Math.floor((before - allowedLatenessMs) / windowMs) ===
        Math.floor((watermarkMs - allowedLatenessMs) / windowMs);
    if (isSamePane) return;
    for (const entry of this.#unsettled) {
      if (this.#stateOf(entry) !== entry.row['state']) this.#dirty.add(entry);
    }
  }

  /** Makes what was taken in visible as one change set; undefined when no public row differs. */
  commit(): ViewChange | undefined {
    this.#retire();
    const seq = this.#seq + 1;
    const rows: ViewRow[] = [];
    const added: ViewRow[] = [];
    for (const entry of this.#dirty) {
      const row = this.#publicRow(entry);
      const json = JSON.stringify(row);
      if (row['state'] === 'final') this.#unsettled.delete(entry);
      if (json === entry.json) continue;
      if (entry.changedSeq === 0 || entry.isWithdrawn) added.push(entry);
      entry.previous = entry.changedSeq === 0 ? undefined : entry.row;
      entry.isWithdrawn = row[WITHDRAWN] === true;
      entry.row = row;
      entry.json = json;
      entry.changedSeq = seq;
      rows.push(entry);
      if (this.#sums.size === 0) this.#moveToEnd(entry);
    }
    this.#dirty.clear();
    if (rows.length === 0) return undefined;
    this.#seq = seq;
    return { seq, rows, added };
  }

  /** All current rows that pass. */
  rows(filter: Filter): readonly ViewRow[] {
    return this.#select(filter, (entry) => entry.changedSeq > 0 && !entry.isWithdrawn);
  }

  /**
   * The newest value of each row that changed after change set `seq` and passes or may have passed
   * before, withdrawn ones included; undefined when `seq` is none of this view, so that only a
   * snapshot helps.
   */
  changedSince(seq: number, filter: Filter): readonly ViewRow[] | undefined {
    if (seq < this.#firstSeq || seq > this.#seq) return undefined;
    if (seq === this.#seq) return [];
    // Only a key never changes: by any other column a row may have passed when the viewer last saw it.
    const { key } = this.panel.live;
    const lasting = new Map([...filter].filter(([column]) => key.includes(column)));
    return this.#select(lasting, (entry) => entry.changedSeq > seq);
  }

  /** The current row with this key, key columns in the panel's order. */
  find(...key: readonly Value[]): Row | undefined {
    const entry = this.#entries.get(JSON.stringify(key));
    const isShown = entry !== undefined && entry.changedSeq > 0 && !entry.isWithdrawn;
    return isShown ? entry.row : undefined;
  }

  #select(filter: Filter, isWanted: (entry: Entry) => boolean): readonly ViewRow[] {
    const selected: ViewRow[] = [];
    for (const entry of this.#entries.values()) {
      if (isWanted(entry) && matches(filter, entry.row)) selected.push(entry);
    }
    return selected;
  }

  #foldOne(update: Update): void {
    const { live } = this.panel;
    const key = JSON.stringify(live.key.map((column) => update.row[column] ?? null));
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const timeMs = this.#timeOf(update.row);
      if (timeMs !== undefined && (timeMs < this.#floorMs || this.#isFarAhead(timeMs))) return;
      entry = {
        key,
        source: update.row,
        timeMs,
        version: -Infinity,
        parts: new Map(),
        totals: live.sums.map(() => 0),
        row: {},
        json: '',
        previous: undefined,
        isWithdrawn: false,
        changedSeq: 0,
      };
      this.#insert(entry);
    }
    if (this.#sums.size === 0) {
      if (update.version <= entry.version) return;
      entry.version = update.version;
      entry.source = update.row;
      this.#retime(entry, this.#timeOf(update.row));
    } else if (!this.#replacePart(entry, update)) return;
    this.#dirty.add(entry);
  }

  /** Whether a window lies further ahead of the watermark than the view reaches back. */
  #isFarAhead(timeMs: number): boolean {
    const { retentionMs, isTrail } = this.panel.live;
    if (retentionMs === undefined || this.#watermarkMs === null || isTrail === true) return false;
    return timeMs > this.#watermarkMs + retentionMs;
  }

  #insert(entry: Entry): void {
    this.#entries.set(entry.key, entry);
    if (this.panel.live.windowMs !== undefined) this.#unsettled.add(entry);
    this.#fileByTime(entry);
  }

  #fileByTime(entry: Entry): void {
    const { timeMs } = entry;
    if (timeMs === undefined) return;
    // Spend is known for windows that lie ahead; they must not push the present out of the view.
    const presentMs = this.panel.live.isTrail === true ? null : this.#watermarkMs;
    if (presentMs === null || timeMs <= presentMs + PRESENT_MS) {
      this.#newestMs = Math.max(this.#newestMs, timeMs);
    }
    const sameTime = this.#byTime.get(timeMs);
    if (sameTime === undefined) this.#byTime.set(timeMs, new Set([entry]));
    else sameTime.add(entry);
  }

  #unfileByTime(entry: Entry): void {
    if (entry.timeMs === undefined) return;
    const sameTime = this.#byTime.get(entry.timeMs);
    sameTime?.delete(entry);
    if (sameTime?.size === 0) this.#byTime.delete(entry.timeMs);
  }

  /** The instant of a whole row may move with every version, such as when it was last seen. */
  #retime(entry: Entry, timeMs: number | undefined): void {
    if (entry.timeMs === timeMs) return;
    this.#unfileByTime(entry);
    entry.timeMs = timeMs;
    this.#fileByTime(entry);
  }

  /** Puts the update in the place of what the same task counted before; false when it is not newer. */
  #replacePart(entry: Entry, update: Update): boolean {
    const { sums } = this.panel.live;
    const partKey = this.#partKeyOf(update);
    const part = entry.parts.get(partKey);
    if (part !== undefined && update.version <= part.version) return false;
    const values = sums.map((column) => Number(update.row[column] ?? 0));
    for (const [index, value] of values.entries()) {
      entry.totals[index] = (entry.totals[index] ?? 0) + value - (part?.sums[index] ?? 0);
    }
    if (part === undefined) entry.parts.set(partKey, { version: update.version, sums: values });
    else {
      part.version = update.version;
      part.sums = values;
    }
    return true;
  }

  /** What tells the parts of one public row apart: task, day of correction, dimensions that are not public. */
  #partKeyOf(update: Update): string {
    let partKey = `${update.task}|${String(update.row[CORRECTED_ON] ?? 0)}`;
    for (const column in update.row) {
      if (column === CORRECTED_ON || this.#sums.has(column)) continue;
      if (!this.panel.live.key.includes(column)) partKey += `|${String(update.row[column])}`;
    }
    return partKey;
  }

  #timeOf(row: Row): number | undefined {
    const { live, query } = this.panel;
    const column = live.windowMs === undefined ? query.timeColumn : 'window_start';
    const time = column === undefined ? undefined : row[column];
    return typeof time === 'number' ? time : undefined;
  }

  #stateOf(entry: Entry): WindowState {
    const endMs = (entry.timeMs ?? 0) + (this.panel.live.windowMs ?? 0);
    if (this.#watermarkMs === null || endMs > this.#watermarkMs) return 'provisional';
    return endMs + this.#allowedLatenessMs <= this.#watermarkMs ? 'final' : 'matured';
  }

  #publicRow(entry: Entry): Row {
    const { live, query } = this.panel;
    const row: Record<string, Value> = {};
    for (const column of live.key) row[column] = entry.source[column] ?? null;
    for (const column of query.columns) row[column] = entry.source[column] ?? null;
    for (const [index, column] of live.sums.entries()) row[column] = entry.totals[index] ?? 0;
    if (live.windowMs !== undefined) row['state'] = this.#stateOf(entry);
    // Not among the public columns, because a stored view has no such rows; a viewer must be told.
    if (entry.source[WITHDRAWN] === true) row[WITHDRAWN] = true;
    return live.derive === undefined ? row : Object.assign(row, live.derive(row));
  }

  /** Lets the rows leave that are past the panel's bounds, oldest first, whole windows at a time. */
  #retire(): void {
    const { retentionMs, rowsMax } = this.panel.live;
    if (retentionMs !== undefined) this.#retireBefore(this.#newestMs - retentionMs);
    if (this.#entries.size <= rowsMax) return;
    for (const timeMs of [...this.#byTime.keys()].toSorted((a, b) => a - b)) {
      if (this.#entries.size <= rowsMax || timeMs >= this.#newestMs) break;
      this.#retireBefore(timeMs + 1);
    }
    // What is still too much shares one instant or has none. Whole rows leave by their last change;
    // of sums the first ones stay, because a sum that has left could not be completed again.
    const all = [...this.#entries.values()];
    for (const entry of this.#sums.size > 0 ? all.slice(rowsMax) : all.slice(0, -rowsMax)) {
      this.#remove(entry);
      this.#refusedCount += 1;
    }
  }

  #retireBefore(floorMs: number): void {
    if (floorMs <= this.#floorMs) return;
    this.#floorMs = floorMs;
    for (const [timeMs, entries] of this.#byTime) {
      if (timeMs >= floorMs) continue;
      for (const entry of entries) this.#remove(entry);
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#unsettled.delete(entry);
    this.#dirty.delete(entry);
    this.#unfileByTime(entry);
  }

  /** Keeps whole rows in the order of their last change, for `rowsMax`. */
  #moveToEnd(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#entries.set(entry.key, entry);
  }
}
