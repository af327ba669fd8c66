import { parseAlertOwner } from '../schemas/alert.ts';
import { optionalTexts } from './setting.ts';

/** What can be set about alerts; `weir.example.yaml` says what each is for. */
export const ALERT_SETTINGS = {
  owners: optionalTexts(
    'a list of kind=owner, such as stockout=purchasing, with kinds of docs/alerts.md',
    (value) => parseAlertOwner(value) !== undefined,
  ),
} as const;
