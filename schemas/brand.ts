/**
 * Nominal types: a number that is an instant is not a number that is a duration.
 * This file holds the tree's only unchecked type assertions.
 */

declare const brand: unique symbol;

/** A `Base` that only the constructor named `Name` may produce. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Marks a checked value as branded. Call it only from a constructor that has checked the value. */
export function brandAs<Branded>(value: unknown): Branded {
  return value as Branded;
}

/**
 * Forgets a type parameter that a heterogeneous list cannot carry, such as the state type of each
 * operator in a task. The list's owner keeps each value together with the operator it came from.
 */
export function erase<Erased>(value: unknown): Erased {
  return value as Erased;
}
