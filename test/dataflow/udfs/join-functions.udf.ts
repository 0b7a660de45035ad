import { join, map, Optional, record, some, Utf8 } from '@millrace/guest-sdk';

@record
class Left {
  id: i64;
  key: Utf8;
  at: i64;
}

@record
class Right {
  at: i64;
  name: Utf8;
  id: i64;
}

@record
class Pair {
  left: Optional<i64>;
  right: Optional<i64>;
  windowEnd: i64;
}

/** A left id and a right one, those that are there. */
export const pair = join((left: Left | null, right: Right | null): Pair => {
  const pair = new Pair();
  if (left !== null) pair.left = some<i64>(left.id);
  if (right !== null) pair.right = some<i64>(right.id);
  return pair;
});

/** As `pair`, of both sides. */
export const both = join((left: Left, right: Right): Pair => {
  const pair = new Pair();
  pair.left = some<i64>(left.id);
  pair.right = some<i64>(right.id);
  return pair;
});

export const same = map((left: Left): Left => left);
