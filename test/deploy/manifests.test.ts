import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Namespace, Secret, Service } from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { loadConfig } from '../../processors/config.ts';
import { erase } from '../../schemas/brand.ts';

const DIRECTORY = join(import.meta.dirname, '../../deploy/kubernetes');
const NO_OBJECTS: ReadonlySet<string> = new Set(['kustomization.yaml', 'weir.yaml']);

/** The published schema of each kind, as code that was generated from it. */
const KINDS = {
  Deployment,
  HorizontalPodAutoscaler,
  Namespace,
  PodDisruptionBudget,
  ScaledObject,
  Secret,
  Service,
  StatefulSet,
} as const;

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly livenessProbe: { readonly httpGet: { readonly path: string } };
  readonly readinessProbe: { readonly httpGet: { readonly path: string } };
  readonly securityContext: object;
  readonly resources: { readonly limits: object; readonly requests: object };
  readonly env: readonly { readonly name: string }[];
}

interface Manifest {
  readonly kind: keyof typeof KINDS;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: object };
      readonly spec: {
        readonly containers: readonly Container[];
        readonly enableServiceLinks: boolean;
        readonly securityContext: object;
      };
    };
    readonly selector: { readonly matchLabels: object };
    readonly maxReplicaCount: number;
    readonly triggers: readonly {
      readonly metadata: Readonly<Record<string, string>>;
    }[];
  };
}

const MANIFESTS = readdirSync(DIRECTORY)
  .filter((file) => !NO_OBJECTS.has(file))
  .flatMap((file) => parseAllDocuments(readFileSync(join(DIRECTORY, file), 'utf8')))
  .map((document) => erase<Manifest>(document.toJS()));

function manifestOf(kind: Manifest['kind'], name: string): Manifest {
  const found = MANIFESTS.find((each) => each.kind === kind && each.metadata.name === name);
  if (found === undefined) throw new Error(`expected ${kind} ${name}`);
  return found;
}

/** Throws what the schema of its kind has against it. */
function validate(manifest: Manifest): void {
  new KINDS[manifest.kind](erase(manifest)).validate();
}

test('every manifest keeps to the published schema of its kind', () => {
  expect(MANIFESTS.map(({ kind }) => kind).toSorted()).toEqual([
    'Deployment',
    'HorizontalPodAutoscaler',
    'Namespace',
    'PodDisruptionBudget',
    'PodDisruptionBudget',
    'ScaledObject',
    'Secret',
    'Service',
    'Service',
    'StatefulSet',
  ]);
  for (const manifest of MANIFESTS) expect(() => validate(manifest)).not.toThrow();
});

test.each(['Deployment', 'StatefulSet', 'PodDisruptionBudget', 'ScaledObject'] as const)(
  'the schema of %s refuses a field of the wrong type',
  (kind) => {
    const wrong = MANIFESTS.find((each) => each.kind === kind);
    expect(() => validate(erase({ ...wrong, spec: 'all of it' }))).toThrow(/spec/);
  },
);

describe.each([
  ['StatefulSet', 'weir-processor', 'processor', '/readyz'],
  // What is away for one node is away for all: a balancer must not take every door out.
  ['Deployment', 'weir-api', 'api', '/healthz'],
] as const)('%s %s', (kind, name, command, readiness) => {
  const { template, selector } = manifestOf(kind, name).spec;
  const [container] = template.spec.containers;

  test('runs its command, without rights that it does not need', () => {
    expect(container?.args).toEqual([command, '--config', '/etc/weir/weir.yaml']);
    // Variables such as WEIR_API_PORT for the service weir-api would be refused as unknown settings.
    expect(template.spec.enableServiceLinks).toBe(false);
    expect(template.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('is probed where no key is needed, and is bounded', () => {
    expect(container?.livenessProbe.httpGet.path).toBe('/healthz');
    expect(container?.readinessProbe.httpGet.path).toBe(readiness);
    expect(container?.resources).toMatchObject({
      limits: { memory: expect.any(String) },
      requests: { cpu: expect.any(String), memory: expect.any(String) },
    });
  });

  test('is found by its selector and its disruption budget', () => {
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    const budget = manifestOf('PodDisruptionBudget', name);
    expect(budget.spec.selector.matchLabels).toEqual(selector.matchLabels);
  });
});

test('the configuration is valid, and the scaler follows its consumer group and partitions', () => {
  const environment = {
    WEIR_CLICKHOUSE_PASSWORD: 'x',
    WEIR_TOKENS_SECRET: '0123456789abcdef0123456789abcdef',
  };
  const config = loadConfig({ file: join(DIRECTORY, 'weir.yaml'), environment });
  const { spec } = manifestOf('ScaledObject', 'weir-processor');
  expect(spec.maxReplicaCount).toBeLessThanOrEqual(config.partitions);
  expect(spec.triggers.map(({ metadata }) => metadata['topic'])).toEqual([
    'weir.clicks',
    'weir.orders',
    'weir.inventory',
  ]);
  for (const { metadata } of spec.triggers) {
    expect(metadata['consumerGroup']).toBe(config.kafka.client_id);
    expect(config.kafka.brokers).toContain(metadata['bootstrapServers']);
  }
  const [container] = manifestOf('Deployment', 'weir-api').spec.template.spec.containers;
  expect(container?.env.map((variable) => variable.name)).toEqual(
    Object.keys(environment).map((name) => `${name}_FILE`),
  );
});
