/**
 * Ids that are one visitor. Kept under every member's id: all of it under the surviving one, and under
 * the others which that is.
 */
export type ClusterRecord =
  | { readonly kind: 'survivor'; readonly members: readonly ClusterMember[] }
  | { readonly kind: 'merged'; readonly into: string };

export interface ClusterMember {
  readonly id: string;
  /** Whether a link says that this id is another's. */
  readonly isLinked: boolean;
}

/**
 * The name under which an id is kept: its token first, so that names sort by tokens, then the partition
 * of its events, which the token does not tell.
 */
export function placeName(token: string, partition: number): string {
  return `${token}@${partition}`;
}

/** The token and the partition in a name of `placeName`. */
export function placeOf(name: string): { readonly token: string; readonly partition: number } {
  const at = name.lastIndexOf('@');
  return { token: name.slice(0, at), partition: Number(name.slice(at + 1)) };
}

/** Where the records are kept, by id. */
export interface Clusters {
  get(id: string): ClusterRecord | undefined;
  set(id: string, record: ClusterRecord): void;
}

/**
 * Most ids of one visitor: a person with a few browsers that renew their cookie every week has some
 * fifty a year. What has more is a shared device, a kiosk or a till, and is left as it is.
 */
export const MEMBERS_MAX = 64;

/**
 * What a link came to. `merged`: the ids whose survivor is another one now, the new survivor among them
 * when it was not one before.
 */
export type Union =
  | { readonly kind: 'known' }
  | { readonly kind: 'full' }
  | {
      readonly kind: 'merged';
      readonly changes: readonly ClusterChange[];
    };

/** The survivor of an id: who it was and who it is now; an id alone survives itself. */
export interface ClusterChange {
  readonly id: string;
  readonly before: string;
  readonly into: string;
}

/**
 * Takes the link "`from` is `into`". Links are transitive, and which id survives follows from the set of
 * links, not from their order: it is one that no link says is another's; the first in the order of text
 * where there are several; the first of all where there is none, as in a circle.
 */
export function unite(clusters: Clusters, from: string, into: string): Union {
  if (from === into) return { kind: 'known' };
  const one = clusterOf(clusters, from);
  const other = clusterOf(clusters, into);
  const isOne = one.survivor === other.survivor;
  if (!isOne && one.members.length + other.members.length > MEMBERS_MAX) return { kind: 'full' };
  if (isOne && one.members.some(({ id, isLinked }) => id === from && isLinked))
    return { kind: 'known' };
  const all = isOne ? one.members : [...one.members, ...other.members];
  const members = all.map((member) => (member.id === from ? { id: from, isLinked: true } : member));
  const survivor = survivorOf(members);
  const wasInto = new Map([
    ...one.members.map(({ id }) => [id, one.survivor] as const),
    ...other.members.map(({ id }) => [id, other.survivor] as const),
  ]);
  const changes: ClusterChange[] = [];
  for (const { id } of members) {
    const before = wasInto.get(id) ?? id;
    if (before === survivor) continue;
    changes.push({ id, before, into: survivor });
    if (id !== survivor) clusters.set(id, { kind: 'merged', into: survivor });
  }
  clusters.set(survivor, { kind: 'survivor', members });
  return { kind: 'merged', changes };
}

function survivorOf(members: readonly ClusterMember[]): string {
  const ends = members.filter(({ isLinked }) => !isLinked);
  const ids = (ends.length > 0 ? ends : members).map(({ id }) => id);
  return ids.reduce((first, id) => (id < first ? id : first));
}

function clusterOf(
  clusters: Clusters,
  id: string,
): { readonly survivor: string; readonly members: readonly ClusterMember[] } {
  const own = clusters.get(id);
  if (own?.kind !== 'merged') {
    return { survivor: id, members: own?.members ?? [{ id, isLinked: false }] };
  }
  const kept = clusters.get(own.into);
  if (kept?.kind !== 'survivor') throw new RangeError('a merged id must have a survivor');
  return { survivor: own.into, members: kept.members };
}
