import { stringify } from 'yaml';

import { DASHBOARD_PROVIDERS, DATA_SOURCES } from './data-sources.ts';
import { type Frame, dashboardOf } from './frame.ts';
import { MARKETING } from './marketing.ts';
import { OPERATIONS } from './operations.ts';
import { PIPELINE } from './pipeline.ts';

const FRAMES: readonly Frame[] = [MARKETING, OPERATIONS, PIPELINE];

/** Where the files lie, relative to the root of the repository. */
export const PROVISIONING_DIR = 'dashboards/grafana/provisioning';

const HEADER = '# Written by `npm run build:grafana`; change the sources beside it.\n';

/** Every file that Grafana reads at its start, by its path below `PROVISIONING_DIR`. */
export function provisioningFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['datasources/weir.yaml', HEADER + stringify(DATA_SOURCES)],
    ['dashboards/weir.yaml', HEADER + stringify(DASHBOARD_PROVIDERS)],
    ...FRAMES.map((frame) => [`dashboards/weir/${frame.name}.json`, textOf(frame)] as const),
  ]);
}

/** Panels are numbered in their order, so that a link to one of them stays good. */
function textOf(frame: Frame): string {
  const dashboard = dashboardOf(frame);
  const panels = (dashboard.panels ?? []).map((panel, index) => ({ ...panel, id: index + 1 }));
  return `${JSON.stringify({ ...dashboard, panels }, undefined, 2)}\n`;
}
