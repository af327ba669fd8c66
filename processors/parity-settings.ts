import { parseTaxRate } from './parity/tax-rate.ts';
import { duration, integer, optionalTexts, text } from './setting.ts';

/** What can be set about price parity; `weir.example.yaml` says what each is for. */
export const PARITY_SETTINGS = {
  reference_channel: text('dtc', 'the name of a sales channel', (value) => value.trim() !== ''),
  tolerance_bp: integer(100, { min: 1, max: 5_000 }),
  fx_band_bp: integer(200, { min: 0, max: 5_000 }),
  dwell: duration('10m', { min: '0ms', max: '7d' }),
  stale_after: duration('7d', { min: '1m', max: '400d' }),
  tax_rates: optionalTexts(
    'a list of channel=hundredths of a percent, such as retail=1900',
    (value) => parseTaxRate(value) !== undefined,
  ),
} as const;
