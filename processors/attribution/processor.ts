import type { Processor } from '../engine/operator/processor.ts';
import type { AttributionConfig } from './config.ts';
import { createAttributionOperator } from './operator.ts';
import { pathsView } from './reads.ts';
import { ATTRIBUTION_1H } from './row.ts';

/** Which channel and campaign is credited with each order, by several models side by side. */
export function createAttribution(config: AttributionConfig): Processor {
  return {
    name: 'attribution',
    operators: [createAttributionOperator(config)],
    tables: [ATTRIBUTION_1H],
    migrations: [new URL('table.sql', import.meta.url)],
    views: [pathsView(config)],
  };
}
