import {
  aggregate,
  Bytes,
  Emitter,
  eventTime,
  filter,
  flatMap,
  hasEventTime,
  log,
  map,
  none,
  Optional,
  record,
  reduce,
  some,
  Timestamp,
  Utf8,
} from '@millrace/guest-sdk';

const WEEKDAYS: StaticArray<string> = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const DAY: i64 = 86_400_000;

@record
class Place {
  x: f64;
  y: f64;
  label: string = 'here';
}

@record
class Reading {
  sensor: string;
  value: f64;
  at: Timestamp;
  trusted: bool = true;
  battery: Optional<i32>;
  note: string | null;
  tags: Array<string>;
  raw: Bytes;
  place: Place;
  origin: Place | null;

  /** Methods of a record are allowed. */
  isHot(): bool {
    return this.value > 30.0;
  }
}

/** Everything a new record starts with. */
export const blank = map((input: Reading): Reading => new Reading());

export const stamp = map((input: Reading): Reading => {
  const day = i32((eventTime(input) / DAY + 3) % 7);
  input.note = hasEventTime(input) ? WEEKDAYS[day] : null;
  input.tags.push('day ' + day.toString());
  input.battery = input.battery.isNull ? some<i32>(100) : none<i32>();
  input.place.x += 1.0;
  input.origin = input.place;
  log.info('stamped ' + input.sensor);
  return input;
});

export const hot = filter((input: Reading): bool => input.isHot());

export const slices = flatMap((input: Reading, out: Emitter<Place>): void => {
  const place = new Place();
  for (let i: i32 = 0; i < input.tags.length; i++) {
    place.label = input.tags[i];
    place.x = f64(i);
    out.emit(place);
  }
});

export const hottest = reduce((a: Reading, b: Reading): Reading => (b.value > a.value ? b : a));

@record
class MeanState {
  sum: f64;
  count: i64;
  last: Reading | null;
  seen: Array<Reading>;
}

@record
class Mean {
  mean: f64;
  count: i64;
  last: string;
  seen: string;
}

@aggregate
export class mean {
  create(): MeanState {
    return new MeanState();
  }

  add(state: MeanState, input: Reading): MeanState {
    state.sum += input.value;
    state.count++;
    state.last = input;
    state.seen.push(input);
    return state;
  }

  result(state: MeanState): Mean {
    const result = new Mean();
    result.mean = state.sum / f64(state.count);
    result.count = state.count;
    const last = state.last;
    if (last !== null) result.last = last.sensor;
    for (let i = 0; i < state.seen.length; i++) result.seen += state.seen[i].sensor;
    return result;
  }

  merge(a: MeanState, b: MeanState): MeanState {
    a.sum += b.sum;
    a.count += b.count;
    a.last = b.last;
    for (let i = 0; i < b.seen.length; i++) a.seen.push(b.seen[i]);
    return a;
  }
}
