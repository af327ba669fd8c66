import { createHash } from 'node:crypto';

/** One row of the file that can be used. */
export interface InvoiceLine {
  /** Line of the file, for messages; nothing else depends on it. */
  readonly line: number;
  readonly sku: string;
  /** Not zero; negative where goods or stock went the other way. */
  readonly quantity: number;
  /** Minor units, zero or more. */
  readonly priceMinor: number;
  /** UTC milliseconds. */
  readonly timeMs: number;
}

/** All rows of one invoice, in any order. */
export interface Invoice {
  readonly number: string;
  readonly lines: InvoiceLine[];
  /** Every customer and region that a row names; a set, because the order of rows must not matter. */
  readonly customers: Set<string>;
  readonly regions: Set<string>;
}

/** What all invoices of a file have in common. */
export interface InvoiceContext {
  readonly source: string;
  readonly salesChannel: string;
  readonly currency: string;
}

/** An invoice as events, and what the rules did with it. */
export interface InvoiceEvents {
  /** The order or the return; undefined when no line belongs to one. */
  readonly order: unknown;
  readonly orderLineCount: number;
  /** Stock corrections, one event a line. */
  readonly movements: readonly unknown[];
  /** Lines that contradict their invoice: each is left out, the rest is taken. */
  readonly contradicting: readonly InvoiceLine[];
  readonly timeMs: number;
  readonly firstLine: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** The letter before the number of an invoice that takes goods back. */
const CANCELLATION_PREFIX = 'C';

/** Codes that stand for money or service instead of goods in the Online Retail file. */
const SERVICE_CODES: ReadonlySet<string> = new Set([
  'AMAZONFEE',
  'B',
  'BANK CHARGES',
  'C2',
  'CRUK',
  'D',
  'DOT',
  'M',
  'PADS',
  'POST',
  'S',
]);

/**
 * The rules for what shops' files contain. None of them guesses, and each has a count:
 *
 * - **cancellations**: a number with `C` in front. It does not name the invoice it cancels, so it is
 *   never matched to one: it becomes a `returned` event with its own number as order id.
 * - **sales_invoices**: every other number. Its lines of positive quantity are one `placed` order
 *   (**orders_placed**).
 * - **stock_correction_invoices**, **stock_correction_lines**: lines of negative quantity at price 0
 *   in an invoice without `C` are no sale and no return; each becomes an inventory `movement`.
 * - **lines_at_price_zero**: all lines at price 0, those of stock corrections included. In an order
 *   they stay lines: their units left the shop, their revenue is 0 (**order_lines_at_price_zero**;
 *   **orders_at_price_zero** have no other lines).
 * - **sales_invoices_without_customer**, **cancellations_without_customer**: the visitor is
 *   `anonymous:<number>`, so that nobody is mistaken for anybody else.
 * - **invoices_with_several_times**: the earliest time is the time of all lines.
 * - **invoices_with_several_customers**, **invoices_with_several_regions**: the first in the order of
 *   the alphabet.
 * - **service_lines**: postage, fees, discounts, samples and manual entries stay lines under their
 *   code: they are part of what was paid.
 * - A line that contradicts its invoice (units come back without `C`, or leave with it) is left out.
 *
 * Lines are numbered in the order of (sku, price, quantity, time), whatever their order in the file;
 * identical lines are lines of their own.
 */
export function invoiceEvents(invoice: Invoice, context: InvoiceContext): InvoiceEvents {
  const isCancellation = invoice.number.startsWith(CANCELLATION_PREFIX);
  const lines = invoice.lines.toSorted(compareLines);
  const orderLines = lines.filter((line) => line.quantity < 0 === isCancellation);
  const others = lines.filter((line) => line.quantity < 0 !== isCancellation);
  const isCorrection = (line: InvoiceLine): boolean => !isCancellation && line.priceMinor === 0;
  const corrections = others.filter(isCorrection);
  const contradicting = others.filter((line) => !isCorrection(line));
  const timeMs = lowest(lines.map((line) => line.timeMs));
  const order =
    orderLines.length === 0
      ? undefined
      : orderOf(invoice, orderLines, { ...context, timeMs, isCancellation });
  return {
    order,
    orderLineCount: orderLines.length,
    movements: corrections.map((line, index) => ({
      event_id: eventId(context.source, `${invoice.number}:${index + 1}`),
      occurred_at: timeMs,
      source: context.source,
      sku: line.sku,
      kind: 'movement',
      quantity: line.quantity,
    })),
    contradicting,
    timeMs,
    firstLine: lowest(lines.map(({ line }) => line)),
    counts: countsOf(invoice, { isCancellation, orderLines, corrections }),
  };
}

function lowest(numbers: readonly number[]): number {
  return numbers.reduce((low, number) => Math.min(low, number), Number.POSITIVE_INFINITY);
}

function compareLines(a: InvoiceLine, b: InvoiceLine): number {
  if (a.sku !== b.sku) return a.sku < b.sku ? -1 : 1;
  return a.priceMinor - b.priceMinor || a.quantity - b.quantity || a.timeMs - b.timeMs;
}

function orderOf(
  invoice: Invoice,
  lines: readonly InvoiceLine[],
  context: InvoiceContext & { readonly timeMs: number; readonly isCancellation: boolean },
): unknown {
  const customer = first(invoice.customers);
  const region = first(invoice.regions);
  return {
    event_id: eventId(context.source, invoice.number),
    occurred_at: context.timeMs,
    source: context.source,
    order_id: invoice.number,
    status: context.isCancellation ? 'returned' : 'placed',
    visitor_id: customer === undefined ? `anonymous:${invoice.number}` : `customer:${customer}`,
    ...(customer === undefined ? {} : { customer_id: customer }),
    sales_channel: context.salesChannel,
    currency: context.currency,
    lines: lines.map((line, index) => ({
      line_id: String(index + 1),
      sku: line.sku,
      quantity: Math.abs(line.quantity),
      unit_price_minor: line.priceMinor,
    })),
    ...(region === undefined ? {} : { region }),
  };
}

function countsOf(
  invoice: Invoice,
  {
    isCancellation,
    orderLines,
    corrections,
  }: {
    readonly isCancellation: boolean;
    readonly orderLines: readonly InvoiceLine[];
    readonly corrections: readonly InvoiceLine[];
  },
): Record<string, number> {
  const { lines } = invoice;
  const valueMinor = orderLines.reduce(
    (sum, line) => sum + Math.abs(line.quantity) * line.priceMinor,
    0,
  );
  const units = orderLines.reduce((sum, line) => sum + Math.abs(line.quantity), 0);
  const isFree = (line: InvoiceLine): boolean => line.priceMinor === 0;
  const hasNoCustomer = invoice.customers.size === 0;
  const orderCount = orderLines.length > 0 ? 1 : 0;
  return {
    invoices: 1,
    sales_invoices: isCancellation ? 0 : 1,
    orders_placed: isCancellation ? 0 : orderCount,
    orders_at_price_zero:
      !isCancellation && orderLines.length > 0 && orderLines.every(isFree) ? 1 : 0,
    units_sold: isCancellation ? 0 : units,
    gross_sales_minor: isCancellation ? 0 : valueMinor,
    cancellations: isCancellation ? 1 : 0,
    units_returned: isCancellation ? units : 0,
    cancelled_goods_minor: isCancellation ? valueMinor : 0,
    stock_correction_invoices: corrections.length > 0 ? 1 : 0,
    stock_correction_lines: corrections.length,
    lines_at_price_zero: lines.filter(isFree).length,
    order_lines_at_price_zero: orderLines.filter(isFree).length,
    sales_invoices_without_customer: !isCancellation && hasNoCustomer ? 1 : 0,
    cancellations_without_customer: isCancellation && hasNoCustomer ? 1 : 0,
    invoices_with_several_times: new Set(lines.map(({ timeMs }) => timeMs)).size > 1 ? 1 : 0,
    invoices_with_several_customers: invoice.customers.size > 1 ? 1 : 0,
    invoices_with_several_regions: invoice.regions.size > 1 ? 1 : 0,
    service_lines: lines.filter(({ sku }) => SERVICE_CODES.has(sku)).length,
  };
}

function first(values: ReadonlySet<string>): string | undefined {
  return [...values].toSorted()[0];
}

/** Ids follow from what the event is about; one that would be too long for an id is hashed. */
function eventId(source: string, name: string): string {
  const id = `${source}:${name}`;
  if (id.length <= 64) return id;
  return createHash('sha256').update(id).digest('base64url');
}
