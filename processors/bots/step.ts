import type { Click } from '../../schemas/events/click.ts';
import { isAsset, pathOf } from '../../schemas/page-url.ts';
import type { BotsConfig, ListVerdict, NetworkOwner } from './config.ts';
import { FLAG, type Step } from './session.ts';

/** What a click is to the session it belongs to; undefined for an impression, which nobody asked for. */
export function stepOf(
  click: Click,
  known: { readonly verdict: ListVerdict; readonly owner: NetworkOwner | undefined },
  config: BotsConfig,
): Step | undefined {
  const { kind, url } = click;
  const { verdict, owner } = known;
  if (kind === 'impression') return undefined;
  let flags = 0;
  const path = url === null ? '' : pathOf(url);
  const isFile = path !== '' && isAsset(path);
  const isScript = kind === 'beacon' && !config.logSources.includes(click.source);
  if (isScript) flags |= FLAG.beacon;
  if (isFile) flags |= FLAG.asset;
  if (path.endsWith('/robots.txt')) flags |= FLAG.robots;
  if (click.referrer !== null) flags |= FLAG.referrer;
  if (click.signed_in === true) flags |= FLAG.signedIn;
  if (click.pointer === true) flags |= FLAG.pointer;
  if (verdict === 'allow') flags |= FLAG.allowed;
  // Neither runs the page's script nor loads its files, whoever is behind it; a log knows no script.
  if (isApp(click, config)) flags |= FLAG.beacon | FLAG.asset;
  else if (config.logSources.includes(click.source)) flags |= FLAG.scriptUnknown;
  if (owner?.kind === 'data_centre') flags |= FLAG.dataCentre;
  return { timeMs: click.occurred_at, isRequest: !isScript && !isFile, flags };
}

/** Whether an app or a server sent the click, not a browser. */
export function isApp(click: Click, config: BotsConfig): boolean {
  return click.server_side === true || config.appSources.includes(click.source);
}
