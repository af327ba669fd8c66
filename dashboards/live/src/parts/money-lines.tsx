import { NO_VALUE, formatMoney } from '../numbers/format.ts';
import { Figure } from './figure.tsx';

/** Amounts of several currencies, one below the other and never added. */
export function MoneyLines(props: {
  readonly amounts: readonly {
    readonly currency: string;
    readonly amountMinor: number;
    readonly withdrawn?: number;
  }[];
}) {
  if (props.amounts.length === 0) return <span class="none">{NO_VALUE}</span>;
  return (
    <>
      {props.amounts.map(({ currency, amountMinor, withdrawn }) => (
        <span class="line" key={currency}>
          <Figure
            value={amountMinor}
            text={formatMoney(amountMinor, currency)}
            withdrawn={withdrawn ?? 0}
          />
        </span>
      ))}
    </>
  );
}
