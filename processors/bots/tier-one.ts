import type { Click } from '../../schemas/events/click.ts';
import type { BotsConfig, ListVerdict } from './config.ts';

/**
 * What rules and lists say of a click: the first that fits of allow rule, deny rule, verified crawler,
 * user-agent list, data-centre range (not for people who are signed in), non-browser agent, prefetch.
 * Apps and servers are exempt from lists of user agents and addresses.
 */
export function tierOne(click: Click, config: BotsConfig): ListVerdict {
  const { lists } = config;
  const rule = lists.rule(click);
  if (rule === 'allow') return 'allow';
  if (rule === 'deny') return 'deny_rule';
  if (click.server_side !== true && !config.appSources.includes(click.source)) {
    const owner = click.network === null ? undefined : lists.network(click.network);
    const agent = click.agent ?? '';
    if (owner?.kind === 'crawler' && agent.toLowerCase().includes(owner.name)) {
      return 'verified_crawler';
    }
    const listed = click.agent === null ? undefined : lists.agent(click.agent);
    if (listed !== undefined && listed !== 'not_a_browser') return listed;
    if (owner?.kind === 'data_centre' && click.signed_in !== true) return 'data_centre';
    if (listed !== undefined) return listed;
  }
  return click.prefetch === true ? 'prefetch' : undefined;
}
