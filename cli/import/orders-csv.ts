import { Readable, pipeline } from 'node:stream';

import { parse } from 'csv-parse';

import { EngineError } from '../../schemas/errors.ts';
import { isObject } from '../../schemas/events/check-record.ts';
import { quote } from '../../schemas/events/rejection.ts';
import { isCurrency, minorUnitsPerUnit } from '../../schemas/money.ts';
import {
  BATCH_EVENTS_MAX,
  BatchGatherer,
  type ImportBatch,
  type ImportLineCode,
  type LineRejection,
} from './batch.ts';
import { readFileBytes } from './file-bytes.ts';
import { type Invoice, type InvoiceEvents, type InvoiceLine, invoiceEvents } from './invoice.ts';
import { LocalTime, parseLocalMs } from './local-time.ts';

/** What the columns of the file hold; customer and region may be empty in a line. */
export const COLUMN_ROLES = [
  'invoice',
  'sku',
  'quantity',
  'time',
  'price',
  'customer',
  'region',
] as const;
export type ColumnRole = (typeof COLUMN_ROLES)[number];

/** The name of the column for every role. */
export type OrdersCsvColumns = Readonly<Record<ColumnRole, string>>;

/** The columns of the Online Retail file. */
export const ONLINE_RETAIL_COLUMNS: OrdersCsvColumns = {
  invoice: 'InvoiceNo',
  sku: 'StockCode',
  quantity: 'Quantity',
  time: 'InvoiceDate',
  price: 'UnitPrice',
  customer: 'CustomerID',
  region: 'Country',
};

export interface OrdersCsvOptions {
  /** Columns that have other names than in the Online Retail file. */
  readonly columns?: Partial<OrdersCsvColumns>;
  /** ISO 4217 code of all prices; default GBP. */
  readonly currency?: string;
  /** Default dtc. */
  readonly salesChannel?: string;
  /** The zone of the file's times, which say none; default UTC. */
  readonly timezone?: string;
  /** Who sent the events; starts their ids, so that invoices of two shops stay apart. Default csv. */
  readonly source?: string;
  /** Default a comma. */
  readonly delimiter?: string;
}

/** Most lines of a file: all are held until the end, since an invoice's may stand anywhere; about 200 MB. */
export const CSV_LINES_MAX = 1_000_000;

/** Longest record: a quote that is never closed ends here instead of swallowing the file. */
const CSV_RECORD_BYTES_MAX = 64 * 1_024;

/** Lines between two reports of progress while nothing can be handed on yet. */
const PROGRESS_LINES = 5_000;

const NEWLINE = 0x0a;

/**
 * The orders of a CSV file with one order line a row. Rows are grouped by invoice over the whole
 * file, so their order does not matter: the same rows give the same events, byte for byte. The rules
 * for what real files contain are those of `invoiceEvents`.
 *
 * @throws {EngineError} IMPORT_COLUMN_MISSING naming the columns
 * @throws {EngineError} IMPORT_FILE_UNREADABLE when it cannot be opened or read
 * @throws {EngineError} IMPORT_FILE_DAMAGED after the invoices before the damage. The invoice of the last
 *   whole line is left out: more of its lines may be lost, and its id must not be used up without them.
 * @throws {EngineError} IMPORT_LINES_LIMIT_REACHED, IMPORT_OPTION_INVALID
 */
export async function* readOrdersCsv(
  file: string,
  options: OrdersCsvOptions = {},
): AsyncGenerator<ImportBatch> {
  const reader = new OrdersReader(file, options);
  const source = new WholeLines(file);
  const parser = parse({
    bom: true,
    info: true,
    delimiter: options.delimiter ?? ',',
    max_record_size: CSV_RECORD_BYTES_MAX,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      reader.rejectRecord(Number(error?.['lines'] ?? 0));
      return undefined;
    },
  });
  // Whoever iterates the parser gets its errors; the callback has nothing left to do.
  pipeline(Readable.from(source.pieces()), parser, () => undefined);
  for await (const entry of parser) {
    reader.take(entry);
    if (reader.lineCount % PROGRESS_LINES === 0) yield* reader.progress(source.bytesRead);
  }
  yield* reader.finish(source);
  if (source.damage !== undefined) throw source.damage;
}

/** A file's bytes up to its last whole line; damage does not stop them, it is kept for the end. */
class WholeLines {
  readonly #file: string;
  bytesRead = 0;
  damage: EngineError | undefined;
  /** Whether the damage cut a line off. */
  hasCutLine = false;

  constructor(file: string) {
    this.#file = file;
  }

  async *pieces(): AsyncGenerator<Buffer> {
    let carry: Buffer = Buffer.alloc(0);
    try {
      for await (const { bytes, bytesRead } of readFileBytes(this.#file)) {
        this.bytesRead = bytesRead;
        const joined = carry.length === 0 ? bytes : Buffer.concat([carry, bytes]);
        // Without a line end in sight the parser gets it all: its own limit decides what is too long.
        const newline = joined.lastIndexOf(NEWLINE);
        const end =
          newline < 0 && joined.length > CSV_RECORD_BYTES_MAX ? joined.length : newline + 1;
        carry = joined.subarray(end);
        if (end > 0) yield joined.subarray(0, end);
      }
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'IMPORT_FILE_DAMAGED') throw error;
      this.damage = error;
      this.hasCutLine = carry.length > 0;
      return;
    }
    if (carry.length > 0) yield carry;
  }
}

class OrdersReader {
  readonly #file: string;
  readonly #columns: OrdersCsvColumns;
  readonly #context: {
    readonly source: string;
    readonly salesChannel: string;
    readonly currency: string;
  };
  readonly #minorUnits: number;
  readonly #localTime: LocalTime;
  readonly #invoices = new Map<string, Invoice>();
  readonly #gatherer = new BatchGatherer();
  #header: Readonly<Record<ColumnRole, number>> | undefined;
  #lastInvoice: string | undefined;
  #lastLine = 0;
  lineCount = 0;

  constructor(file: string, options: OrdersCsvOptions) {
    const { currency = 'GBP', salesChannel = 'dtc', source = 'csv', timezone = 'UTC' } = options;
    if (!isCurrency(currency)) {
      throw new EngineError({
        code: 'IMPORT_OPTION_INVALID',
        kind: 'fatal',
        message: `Expected an ISO 4217 currency code, got ${quote(currency)}`,
      });
    }
    this.#file = file;
    this.#columns = { ...ONLINE_RETAIL_COLUMNS, ...options.columns };
    this.#context = { source, salesChannel, currency };
    this.#minorUnits = minorUnitsPerUnit(currency);
    this.#localTime = new LocalTime(timezone);
  }

  /** Takes what the parser hands out: the fields of a row and where it stands. */
  take(entry: unknown): void {
    const { record, info } = isObject(entry) ? entry : { record: undefined, info: undefined };
    const fields = Array.isArray(record) ? record.map(String) : [];
    const line = isObject(info) ? Number(info['lines']) : 0;
    this.lineCount += 1;
    this.#lastLine = line;
    if (this.#header === undefined) {
      this.#header = this.#readHeader(fields);
      this.#gatherer.skipLine();
      return;
    }
    if (this.lineCount > CSV_LINES_MAX) {
      throw new EngineError({
        code: 'IMPORT_LINES_LIMIT_REACHED',
        kind: 'fatal',
        message: `Expected at most ${CSV_LINES_MAX} lines in ${this.#file}, got more; split it between two invoices, by month for instance`,
        details: { file: this.#file },
      });
    }
    this.#takeLine(fields, this.#header, line);
  }

  /** A row that the parser itself could not make out. */
  rejectRecord(line: number): void {
    this.lineCount += 1;
    this.#gatherer.reject({
      line,
      code: 'IMPORT_LINE_MALFORMED',
      message: 'Expected a row of CSV, got quotes that do not close',
    });
  }

  progress(bytesRead: number): readonly ImportBatch[] {
    return this.#gatherer.take(bytesRead, 'order');
  }

  /** Everything that was held back, in the order of time and invoice number. */
  *finish(source: WholeLines): Generator<ImportBatch> {
    if (this.#header === undefined && source.damage === undefined) this.#readHeader([]);
    if (source.damage !== undefined) this.#withholdLastInvoice(source.hasCutLine);
    const all = [...this.#invoices.values()].map((invoice) => ({
      invoice,
      events: invoiceEvents(invoice, this.#context),
    }));
    all.sort(
      (a, b) => a.events.timeMs - b.events.timeMs || (a.invoice.number < b.invoice.number ? -1 : 1),
    );
    for (let start = 0; start < all.length; start += BATCH_EVENTS_MAX) {
      yield* this.#batches(
        all.slice(start, start + BATCH_EVENTS_MAX).map(({ events }) => events),
        source.bytesRead,
      );
    }
    yield* this.#gatherer.take(source.bytesRead, 'order');
  }

  *#batches(invoices: readonly InvoiceEvents[], bytesRead: number): Generator<ImportBatch> {
    for (const { order, orderLineCount, movements, contradicting, counts, firstLine } of invoices) {
      if (order !== undefined) this.#gatherer.add('order', order, firstLine, orderLineCount);
      for (const movement of movements) this.#gatherer.add('inventory', movement, firstLine);
      for (const { line } of contradicting) {
        this.#gatherer.reject({
          line,
          code: 'IMPORT_QUANTITY_SIGN',
          message:
            'Expected units to leave in a sale and to come back in a cancellation, got the opposite at a price',
        });
      }
      for (const [rule, amount] of Object.entries(counts)) this.#gatherer.count(rule, amount);
    }
    yield* this.#gatherer.take(bytesRead, 'order');
  }

  #readHeader(fields: readonly string[]): Record<ColumnRole, number> {
    const names = fields.map((field) => field.trim());
    const missing = COLUMN_ROLES.map((role) => this.#columns[role]).filter(
      (column) => !names.includes(column),
    );
    if (missing.length > 0) {
      throw new EngineError({
        code: 'IMPORT_COLUMN_MISSING',
        kind: 'fatal',
        message: `Expected a column ${missing.map(quote).join(' and ')} in the first line of ${this.#file}, got ${names.slice(0, 20).map(quote).join(', ') || 'none'}`,
        details: { file: this.#file, column: missing.join(', ') },
      });
    }
    const at = (column: ColumnRole): number => names.indexOf(this.#columns[column]);
    return {
      invoice: at('invoice'),
      sku: at('sku'),
      quantity: at('quantity'),
      time: at('time'),
      price: at('price'),
      customer: at('customer'),
      region: at('region'),
    };
  }

  #takeLine(
    fields: readonly string[],
    header: Readonly<Record<ColumnRole, number>>,
    line: number,
  ): void {
    const field = (column: ColumnRole): string => (fields[header[column]] ?? '').trim();
    const reject = (code: ImportLineCode, expected: string, column: ColumnRole): void => {
      const got = quote(field(column));
      const rejection: LineRejection = {
        line,
        code,
        message: `Expected ${expected}, got ${got} in column ${this.#columns[column]}`,
      };
      this.#gatherer.reject(rejection);
    };
    const number = field('invoice').toUpperCase();
    if (number === '') return reject('IMPORT_ID_EMPTY', 'an invoice number', 'invoice');
    const sku = field('sku');
    if (sku === '') return reject('IMPORT_ID_EMPTY', 'an article code', 'sku');
    const quantity = parseQuantity(field('quantity'));
    if (quantity === undefined)
      return reject('IMPORT_QUANTITY_INVALID', 'a whole number that is not 0', 'quantity');
    const priceMinor = parseMinor(field('price'), this.#minorUnits);
    if (priceMinor === undefined) {
      return reject(
        'IMPORT_PRICE_INVALID',
        `a price of 0 or more in whole ${this.#context.currency} minor units`,
        'price',
      );
    }
    const localMs = parseLocalMs(field('time'));
    if (localMs === undefined)
      return reject('IMPORT_TIME_INVALID', 'a time such as 2011-11-01 08:16:00', 'time');
    const invoice = this.#invoiceOf(number);
    invoice.lines.push({
      line,
      sku,
      quantity,
      priceMinor,
      timeMs: this.#localTime.instantMs(localMs),
    });
    const customer = withoutFraction(field('customer'));
    if (customer !== '') invoice.customers.add(customer);
    const region = field('region');
    if (region !== '') invoice.regions.add(region);
    this.#lastInvoice = number;
  }

  #invoiceOf(number: string): Invoice {
    let invoice = this.#invoices.get(number);
    if (invoice === undefined) {
      invoice = { number, lines: [], customers: new Set(), regions: new Set() };
      this.#invoices.set(number, invoice);
    }
    return invoice;
  }

  #withholdLastInvoice(hasCutLine: boolean): void {
    const code: ImportLineCode = 'IMPORT_LINE_INCOMPLETE';
    const lines: readonly InvoiceLine[] = this.#invoices.get(this.#lastInvoice ?? '')?.lines ?? [];
    for (const { line } of lines) {
      this.#gatherer.reject({
        line,
        code,
        message:
          'Expected whole invoices, got the damage of the file inside or right after this one',
      });
    }
    this.#invoices.delete(this.#lastInvoice ?? '');
    if (!hasCutLine) return;
    this.#gatherer.reject({
      line: this.#lastLine + 1,
      code,
      message: 'Expected a whole line, got the start of one before the damage',
    });
  }
}

const QUANTITY = /^-?\d{1,9}$/;
const PRICE = /^(\d{1,12})(?:\.(\d{1,12}))?$/;

function parseQuantity(text: string): number | undefined {
  const quantity = QUANTITY.test(text) ? Number(text) : 0;
  return quantity === 0 ? undefined : quantity;
}

/** The minor units of a decimal text, exactly; undefined when it has a part of a minor unit. */
function parseMinor(text: string, minorUnits: number): number | undefined {
  const match = PRICE.exec(text);
  if (match === null) return undefined;
  const digits = Math.round(Math.log10(minorUnits));
  const fraction = (match[2] ?? '').padEnd(digits, '0');
  if (/[1-9]/.test(fraction.slice(digits))) return undefined;
  return Number(match[1]) * minorUnits + Number(fraction.slice(0, digits) || '0');
}

/** Customer numbers that went through a spreadsheet come as 17850.0. */
function withoutFraction(text: string): string {
  return /^\d+\.0$/.test(text) ? text.slice(0, -2) : text;
}
