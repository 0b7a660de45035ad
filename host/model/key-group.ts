/**
 * Key groups, as in Flink: the unit in which keyed state is dealt to tasks, stored and rescaled.
 * A key's group never changes; which task owns the group does.
 */

/** The group of a key with this 32-bit hash (unsigned). */
export function keyGroupOf(hash: number, keyGroups: number): number {
  return hash % keyGroups;
}

/** The task (0-based) that owns a group at this parallelism. */
export function taskOfKeyGroup(group: number, keyGroups: number, parallelism: number): number {
  return Math.floor((group * parallelism) / keyGroups);
}

/** A range of key groups, `end` exclusive. */
export interface KeyGroupRange {
  readonly start: number;
  readonly end: number;
}

/** The groups that task `task` owns; the inverse of `taskOfKeyGroup`. */
export function keyGroupRange(task: number, keyGroups: number, parallelism: number): KeyGroupRange {
  return {
    start: Math.ceil((task * keyGroups) / parallelism),
    end: Math.ceil(((task + 1) * keyGroups) / parallelism),
  };
}
