import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { PROVISIONING_DIR } from '../../dashboards/grafana/files.ts';
import { erase } from '../../schemas/brand.ts';

/** The parts of a provisioned dashboard that the tests read. */
export interface Provisioned {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly type: string;
    readonly description?: string;
    readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
    readonly datasource?: { readonly uid: string };
    readonly targets?: readonly Target[];
    readonly gridPos: {
      readonly x: number;
      readonly y: number;
      readonly w: number;
      readonly h: number;
    };
  }[];
  readonly templating: { readonly list?: readonly Variable[] };
}

export interface Target {
  readonly refId: string;
  readonly datasource: { readonly uid: string };
  /** Of the ClickHouse plugin. */
  readonly rawSql?: string;
  readonly queryType?: string;
  readonly format?: number | string;
  /** Of Prometheus. */
  readonly expr?: string;
}

/** A variable whose values a statement gives. */
export interface Variable {
  readonly name: string;
  readonly query: string;
  readonly includeAll?: boolean;
}

/** A query and where it stands. */
export interface PanelQuery {
  readonly where: string;
  readonly dashboard: Provisioned;
  readonly target: Target;
}

const DIRECTORY = join(import.meta.dirname, '../..', PROVISIONING_DIR, 'dashboards/weir');

/** The dashboards as Grafana reads them. */
export const DASHBOARDS: readonly Provisioned[] = readdirSync(DIRECTORY).map((file) =>
  erase<Provisioned>(JSON.parse(readFileSync(join(DIRECTORY, file), 'utf8'))),
);

/** Every query of every panel. */
export const PANEL_QUERIES: readonly PanelQuery[] = DASHBOARDS.flatMap((dashboard) =>
  dashboard.panels.flatMap((panel) =>
    (panel.targets ?? []).map((target) => ({
      where: `${dashboard.title}: ${panel.title} ${target.refId}`,
      dashboard,
      target,
    })),
  ),
);
