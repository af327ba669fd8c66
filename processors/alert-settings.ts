import { parseAlertOwner } from '../schemas/alert.ts';
import { duration, flag, optionalText, optionalTexts, secret } from './setting.ts';

/** An HMAC key below 128 bits can be guessed; 32 characters of hexadecimal carry that much, as Slack's do. */
const SECRET_LENGTH_MIN = 32;

const SIGNING_SECRET = secret(
  `at least ${SECRET_LENGTH_MIN} characters`,
  (value) => value.length >= SECRET_LENGTH_MIN,
);

/** What can be set about alerts; `weir.example.yaml` says what each is for. */
export const ALERT_SETTINGS = {
  owners: optionalTexts(
    'a list of kind=owner, such as stockout=purchasing, with kinds of docs/alerts.md',
    (value) => parseAlertOwner(value) !== undefined,
  ),
  webhooks: optionalTexts('a list of addresses that begin with http:// or https://', isWebAddress),
  webhook_secret: SIGNING_SECRET,
  action_secret: SIGNING_SECRET,
  webhook_private: flag(false),
  flap_window: duration('5m', { min: '0ms', max: '24h' }),
  public_url: optionalText('an address that begins with http:// or https://', isWebAddress),
} as const;

function isWebAddress(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
