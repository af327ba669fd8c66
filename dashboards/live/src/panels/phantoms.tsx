import type { StockRow } from '../live/rows.ts';
import { NO_VALUE, formatCount } from '../numbers/format.ts';
import { phantomsOf } from '../numbers/phantoms.ts';

/** Items named; the rest is asked for by SQL. */
const SHOWN_MAX = 5;

/** What is counted but probably not there, because it has stopped selling: somebody should go and look. */
export function Phantoms(props: { readonly rows: Iterable<StockRow> }) {
  const phantoms = phantomsOf(props.rows);
  if (phantoms.length === 0) return null;
  const hiddenCount = phantoms.length - SHOWN_MAX;
  return (
    <div class="digest" role="group" aria-label="Phantom stock" data-list="phantoms">
      <p>
        <strong>{formatCount(phantoms.length)} probably not on the shelf</strong>{' '}
        <span class="quiet">counted, but not selling; at most one in ten is a false alarm</span>
      </p>
      <ul>
        {phantoms.slice(0, SHOWN_MAX).map(({ row }) => (
          <li key={`${row.sku} ${row.node_id}`} data-phantom={row.sku}>
            <b>{row.sku}</b>{' '}
            <span class="quiet">
              at {row.node_id} · {formatCount(row.available ?? 0)} counted, sold{' '}
              {row.rate_per_day === undefined ? NO_VALUE : row.rate_per_day.toFixed(1)} a day
            </span>
          </li>
        ))}
      </ul>
      {hiddenCount > 0 && (
        <p class="quiet">and {formatCount(hiddenCount)} more: weir.stock_phantoms</p>
      )}
    </div>
  );
}
