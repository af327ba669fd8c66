import type { Click } from '../../schemas/events/click.ts';
import type { BotsConfig, ListVerdict, NetworkOwner } from './config.ts';

/** Whose network a click comes from, as far as the lists know. */
export function ownerOf(
  { network }: Pick<Click, 'network'>,
  { lists }: BotsConfig,
): NetworkOwner | undefined {
  return network === null ? undefined : lists.network(network);
}

/**
 * What rules and lists say of a click: the first that fits of allow rule, deny rule, verified crawler,
 * user-agent list, data-centre range (not for people who are signed in), non-browser agent, prefetch.
 * Apps and servers are exempt from lists of user agents and addresses.
 *
 * @param owner of the click's network
 */
export function tierOne(
  click: Click,
  owner: NetworkOwner | undefined,
  config: BotsConfig,
): ListVerdict {
  const { lists } = config;
  const rule = lists.rule(click);
  if (rule === 'allow') return 'allow';
  if (rule === 'deny') return 'deny_rule';
  if (click.server_side !== true && !config.appSources.includes(click.source)) {
    if (owner?.kind === 'crawler' && click.agent?.toLowerCase().includes(owner.name) === true) {
      return 'verified_crawler';
    }
    const listed = click.agent === null ? undefined : lists.agent(click.agent);
    if (listed !== undefined && listed !== 'not_a_browser') return listed;
    if (owner?.kind === 'data_centre' && click.signed_in !== true) return 'data_centre';
    if (listed !== undefined) return listed;
  }
  return click.prefetch === true ? 'prefetch' : undefined;
}
