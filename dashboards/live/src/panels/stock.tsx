import { useMemo, useState } from 'preact/hooks';

import type { AlertRow, StockRow } from '../live/rows.ts';
import type { LiveStore } from '../live/store.ts';
import { NO_VALUE, formatCount, formatLength, formatMoney } from '../numbers/format.ts';
import { placeOf, stockoutsByPlace } from '../numbers/stock-losses.ts';
import { Empty } from '../parts/empty.tsx';
import { Phantoms } from './phantoms.tsx';

/** Rows shown before a person asks for more, and after. */
const SHOWN_FIRST = 10;
const SHOWN_MAX = 200;

/** States that need someone; the order is that of the table. */
const TROUBLED_STATES: readonly string[] = [
  'OUT',
  'BACKORDER',
  'AT_RISK',
  'LOW',
  'RECOVERING',
  'STALE',
];

/** States in which nothing can be sold. */
const BAD_STATES: ReadonlySet<string> = new Set(['OUT', 'BACKORDER']);

/** What cannot be sold, what soon cannot be, and what cannot be trusted. */
export function Stock(props: { readonly store: LiveStore; readonly nowMs: number }) {
  const { store, nowMs } = props;
  const [isWide, setWide] = useState(false);
  const { revision } = store.stock;
  const { counts, troubled } = useMemo(() => summarise(store.stock.rows.values()), [revision]);
  const stockouts = useMemo(
    () => stockoutsByPlace(store.alerts.rows.values()),
    [store.alerts.revision],
  );
  const serverNow = store.freshness.serverNow(nowMs);
  const shown = troubled.slice(0, isWide ? SHOWN_MAX : SHOWN_FIRST);
  const count = (...states: readonly string[]) =>
    formatCount(states.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0));
  return (
    <section class="panel" aria-labelledby="stock-title">
      <div class="section-head">
        <h2 id="stock-title">Stock</h2>
        <p class="span">
          {count('IN_STOCK')} in stock, {count('OUT', 'BACKORDER')} out, {count('AT_RISK')} at risk,{' '}
          {count('LOW', 'RECOVERING')} low, {count('STALE')} stale, {count('UNKNOWN')} unknown
        </p>
      </div>
      {troubled.length === 0 ? (
        <NothingTroubled isLoaded={store.seqOf('stock') !== undefined} hasRows={counts.size > 0} />
      ) : (
        <StockTable rows={shown} stockouts={stockouts} serverNow={serverNow} />
      )}
      {troubled.length > SHOWN_FIRST && (
        <button type="button" class="link" onClick={() => setWide(!isWide)} aria-expanded={isWide}>
          {isWide ? 'Show fewer' : `Show all ${formatCount(troubled.length)}`}
        </button>
      )}
      <Phantoms rows={store.stock.rows.values()} />
    </section>
  );
}

function StockTable(props: {
  readonly rows: readonly StockRow[];
  /** By `placeOf`. */
  readonly stockouts: ReadonlyMap<string, AlertRow>;
  readonly serverNow: number;
}) {
  return (
    <table class="cards" role="table" data-table="stock">
      <caption class="unseen">SKUs that are out of stock, at risk of it, low or stale</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            SKU
          </th>
          {[
            'Node',
            'State',
            'Available',
            'Inbound',
            'Per day',
            'Cover',
            'Risk',
            'Lost',
            'Since',
          ].map((name) => (
            <th role="columnheader" scope="col" key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {props.rows.map((row) => (
          <tr role="row" key={`${row.sku} ${row.node_id}`}>
            <th role="rowheader" scope="row">
              {row.sku}
            </th>
            <td role="cell" data-label="Node" class="text">
              {row.node_id}
            </td>
            <td role="cell" data-label="State" class="text">
              <span class={`badge ${BAD_STATES.has(row.state) ? 'bad' : 'warn'}`}>
                {row.state.replace('_', ' ')}
              </span>
            </td>
            <td role="cell" data-label="Available">
              {units(row.available)}
            </td>
            <td role="cell" data-label="Inbound">
              {units(row.inbound)}
            </td>
            <td role="cell" data-label="Per day">
              {decimal(row.rate_per_day)}
            </td>
            <td role="cell" data-label="Cover">
              {cover(row.days_of_cover)}
            </td>
            <td role="cell" data-label="Risk">
              {row.p_stockout === undefined ? NO_VALUE : `${Math.round(row.p_stockout * 100)} %`}
            </td>
            <td role="cell" data-label="Lost">
              {lost(props.stockouts.get(placeOf(row.sku, row.node_id)))}
            </td>
            <td role="cell" data-label="Since">
              {row.changed_at === undefined ? '' : formatLength(props.serverNow - row.changed_at)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Sales lost so far at the list price; a dash where nothing is out, or no price is known. */
function lost(stockout: AlertRow | undefined): string {
  const { cost_minor: costMinor, currency } = stockout ?? {};
  return costMinor === undefined || currency === undefined
    ? NO_VALUE
    : formatMoney(costMinor, currency);
}

/** Units, or a dash before the first count. */
function units(value: number | undefined): string {
  return value === undefined ? NO_VALUE : formatCount(value);
}

/** One decimal, which is what a rate from few sales is worth. */
function decimal(value: number | undefined): string {
  return value === undefined ? NO_VALUE : value.toFixed(1);
}

/** Days, or hours where it is less than two days. */
function cover(days: number | undefined): string {
  if (days === undefined) return NO_VALUE;
  return days < 2 ? `${Math.round(days * 24)} h` : `${Math.round(days)} d`;
}

function NothingTroubled(props: { readonly isLoaded: boolean; readonly hasRows: boolean }) {
  if (!props.isLoaded) return <Empty>Waiting for the first numbers …</Empty>;
  if (props.hasRows)
    return <Empty>Everything that is counted is in stock for longer than its lead time.</Empty>;
  return <Empty>No stock levels yet. Send counts and movements: POST /v1/events/inventory.</Empty>;
}

function summarise(rows: Iterable<StockRow>): {
  readonly counts: ReadonlyMap<string, number>;
  /** In the order of `TROUBLED_STATES`, the latest change first. */
  readonly troubled: readonly StockRow[];
} {
  const counts = new Map<string, number>();
  const troubled: StockRow[] = [];
  for (const row of rows) {
    counts.set(row.state, (counts.get(row.state) ?? 0) + 1);
    if (TROUBLED_STATES.includes(row.state)) troubled.push(row);
  }
  troubled.sort(
    (a, b) =>
      TROUBLED_STATES.indexOf(a.state) - TROUBLED_STATES.indexOf(b.state) ||
      (b.changed_at ?? 0) - (a.changed_at ?? 0) ||
      (a.sku < b.sku ? -1 : 1),
  );
  return { counts, troubled };
}
